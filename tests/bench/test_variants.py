"""What `make variants` says: the rung at an equal p99, the rows, and requests on the wire."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from bench.variants.ask import AskError, array_request, blob_request, closed_loop
from bench.variants.ladder import Climb, Rung
from bench.variants.rows import rows, table

BASE = Climb((Rung(1, 40, 25, 24), Rung(4, 48, 90, 20), Rung(8, 50, 170, 19)), right=0.9)
FAST = Climb((Rung(1, 90, 12, 10), Rung(8, 130, 70, 7), Rung(32, 140, 300, 7)), right=0.89)
REPORT = {
    "variants": [
        {"name": "fp32", "published": True, "reasons": [], "accuracy": 0.9, "ci95": [0.88, 0.92]},
        {"name": "int8", "published": True, "reasons": [], "accuracy": 0.89, "ci95": [0.87, 0.91]},
        {"name": "tiny", "published": False, "reasons": ["slower", "wrong"], "size_bytes": 2048},
    ]
}


def test_a_variant_is_compared_at_the_p99_that_the_baseline_has() -> None:
    """140 a second at 300 ms are no gain where fp32 has 170 ms; 130 at 70 ms are."""
    assert BASE.limit_ms() == 170
    assert FAST.best(170).per_s == 130
    fp32, int8, _ = rows("text", REPORT, {"fp32": BASE, "int8": FAST})
    assert (fp32["speedup_triton"], int8["speedup_triton"]) == (1.0, 2.6)
    assert int8["reference_accuracy"] == 0.9
    assert int8["right_in_triton"] == 0.89


def test_a_variant_that_never_keeps_the_limit_is_taken_at_its_least() -> None:
    assert FAST.best(5).clients == 1


def test_what_is_refused_is_listed_with_its_reasons() -> None:
    found = rows("text", REPORT, {"fp32": BASE, "int8": FAST})
    assert found[2]["speedup_triton"] is None
    assert found[2]["reason"] == "slower; wrong"
    text = table(found)
    assert "| `text` int8 | 89.00 | [87.0, 91.0] | - | 130 | 70.0 | 7.00 | x2.60 |" in text
    assert "- `text` tiny is refused: slower; wrong" in text


def test_requests_state_how_long_their_tensor_is() -> None:
    for request, datatype, size in (
        (blob_request("m", "png", b"12345", "logits", classes=True), "BYTES", 9),
        (array_request("m", "x", np.zeros((2, 3), np.float32), "y", classes=False), "FP32", 24),
    ):
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.split(": ") for line in head.decode().split("\r\n")[1:])
        header = json.loads(body[: int(fields["Inference-Header-Content-Length"])])
        assert int(fields["Content-Length"]) == len(body)
        assert header["inputs"][0]["datatype"] == datatype
        assert header["inputs"][0]["parameters"]["binary_data_size"] == size
        assert len(body) - int(fields["Inference-Header-Content-Length"]) == size


async def test_clients_ask_in_turn_and_read_the_class() -> None:
    answer = b'{"outputs":[{"name":"y","datatype":"BYTES","shape":[1,1],"data":["0.9:6:rust"]}]}'
    server, port = await _server(b"200 OK", answer)
    async with server:
        done = await closed_loop("127.0.0.1", port, [_request()], clients=2, seconds=0.05)
    assert set(done.answers) == {"rust"}
    assert len(done.latencies_s) == len(done.answers) >= 2


async def test_a_refusal_ends_the_measurement_with_its_words() -> None:
    server, port = await _server(b"400 Bad Request", b'{"error":"no model"}')
    async with server:
        with pytest.raises(AskError, match="no model"):
            await closed_loop("127.0.0.1", port, [_request()], clients=1, seconds=0.05)


def _request() -> bytes:
    return blob_request("m", "x", b"1", "y", classes=True)


async def _server(status: bytes, body: bytes) -> tuple[asyncio.Server, int]:
    size = len(_request())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readexactly(size)
                head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
                writer.write(head + body)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return server, port
