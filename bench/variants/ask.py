"""Closed-loop clients of a Triton on raw sockets: each asks again as soon as it is answered.

On kept connections, and without an HTTP library, because the client must not need the CPU that the
server is measured on. Latencies of clients that wait for their answers are flattered; here they
compare variants, all of which are asked alike.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINARY = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class Round:
    """One answer a request, in the order of sending, and how long each took."""

    answers: tuple[str, ...]
    latencies_s: tuple[float, ...]
    elapsed_s: float


class AskError(RuntimeError):
    """The server refused, or said something that is no answer."""


def blob_request(model: str, name: str, item: bytes, output: str, classes: bool) -> bytes:
    """A whole HTTP request with one item of TYPE_STRING."""
    tensor = struct.pack("<I", len(item)) + item
    return _request(model, name, [1, 1], "BYTES", tensor, output, classes)


def array_request(
    model: str, name: str, item: npt.NDArray[np.float32], output: str, classes: bool
) -> bytes:
    """The same with one item of TYPE_FP32."""
    tensor = item.astype("<f4").tobytes()
    return _request(model, name, [1, *item.shape], "FP32", tensor, output, classes)


def _request(
    model: str,
    name: str,
    shape: Sequence[int],
    datatype: str,
    tensor: bytes,
    output: str,
    classes: bool,
) -> bytes:
    parameters = {"classification": 1} if classes else {"binary_data": True}
    header = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": shape,
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(tensor)},
                }
            ],
            "outputs": [{"name": output, "parameters": parameters}],
        }
    ).encode()
    lines = (
        f"POST /v2/models/{model}/infer HTTP/1.1",
        "Host: localhost",
        f"{BINARY}: {len(header)}",
        f"Content-Length: {len(header) + len(tensor)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + header + tensor


async def closed_loop(
    host: str, port: int, requests: Sequence[bytes], *, clients: int, seconds: float
) -> Round:
    """So many clients, for so long; each takes the next request, and the first again at the end."""
    answers: list[tuple[int, str, float]] = []
    sent = 0
    start = time.monotonic()

    async def client() -> None:
        nonlocal sent
        reader, writer = await asyncio.open_connection(host, port)
        try:
            while (begun := time.monotonic()) < start + seconds:
                number, sent = sent, sent + 1
                writer.write(requests[number % len(requests)])
                answer = await _answer(reader)
                answers.append((number, answer, time.monotonic() - begun))
        finally:
            writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(clients)))
    elapsed = time.monotonic() - start
    answers.sort()
    return Round(tuple(a for _, a, _ in answers), tuple(s for _, _, s in answers), elapsed)


async def _answer(reader: asyncio.StreamReader) -> str:
    """The class's name where one was asked for, else nothing."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(fields["content-length"]))
    if " 200 " not in head.split("\r\n", 1)[0]:
        raise AskError(body.decode(errors="replace"))
    length = int(fields.get(BINARY.lower(), len(body)))
    (output,) = json.loads(body[:length])["outputs"]
    if output["datatype"] != "BYTES":
        return ""
    said = output.get("data") or [body[length + 4 :].decode()]
    # score:number:name, or without a name where the model has no labels.
    return str(said[0]).split(":")[-1]
