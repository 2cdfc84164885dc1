"""KServe v2 inference over HTTP with binary tensors: the request's bytes, and a look at the answer.

Requests are built once and sent many times, so that sending costs next to nothing.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HELD_OUT = Path(__file__).parents[2] / "model_repo" / "digits" / "heldout.npz"
# Enough different images that a lucky class cannot answer for all of them.
VARIETY = 256
_NUDGE = 1e-4  # of one pixel of 0 to 16: another input for a response cache, the same digit for all


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The one FP32 input and the one FP32 output of the model that is called."""

    input_name: str = "image"
    shape: tuple[int, ...] = (1, 1, 8, 8)
    output_name: str = "logits"


@dataclass(frozen=True, slots=True)
class Call:
    """A complete HTTP/1.1 request, and what a good answer to it holds."""

    request: bytes
    output_name: str
    expected_class: int | None = None

    def check(self, status: int, headers: bytes, body: bytes) -> tuple[str, bool | None]:
        """(error, correct): an empty error for a good answer; `correct` None where not asked."""
        if status != 200:
            return f"status {status}", None
        try:
            values = _output(headers, body, self.output_name)
        except (ValueError, KeyError, TypeError, struct.error):
            return "answer not understood", None
        if not values or not all(math.isfinite(value) for value in values):
            return "answer without finite values", None
        if self.expected_class is None:
            return "", None
        return "", max(range(len(values)), key=values.__getitem__) == self.expected_class


def calls_for(
    model: str,
    host: str,
    spec: TensorSpec | None = None,
    held_out: Path = HELD_OUT,
    variety: int = VARIETY,
) -> tuple[Call, ...]:
    """Real held-out digits with their labels for the model `digits`, zeros for any other.

    variety: so many of the digits differ; beyond those there are, by a pixel that differs a little.
    """
    if spec is None and model == "digits" and held_out.exists():
        return _digits(host, held_out, variety)
    spec = spec or TensorSpec()
    zeros = struct.pack(f"<{math.prod(spec.shape)}f", *([0.0] * math.prod(spec.shape)))
    return (Call(_request(model, host, spec, zeros), spec.output_name),)


def _digits(host: str, held_out: Path, variety: int) -> tuple[Call, ...]:
    # Only here: numpy costs the generator's process 20 MB, and other models do not need it.
    import numpy as np

    with np.load(held_out) as file:
        images, labels = file["images"].astype("<f4"), file["labels"]
    spec = TensorSpec()
    calls = []
    for number in range(max(variety, 1)):
        at = number % len(images)
        image = images[at].copy()
        image.flat[0] += _NUDGE * (number // len(images))
        request = _request("digits", host, spec, image.tobytes())
        calls.append(Call(request, spec.output_name, int(labels[at])))
    return tuple(calls)


def _request(model: str, host: str, spec: TensorSpec, tensor: bytes) -> bytes:
    inference = {
        "inputs": [
            {
                "name": spec.input_name,
                "shape": spec.shape,
                "datatype": "FP32",
                "parameters": {"binary_data_size": len(tensor)},
            }
        ],
        "outputs": [{"name": spec.output_name, "parameters": {"binary_data": True}}],
    }
    header = json.dumps(inference, separators=(",", ":")).encode()
    lines = (
        f"POST /v2/models/{model}/infer HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        "Content-Type: application/octet-stream",
        f"Inference-Header-Content-Length: {len(header)}",
        f"Content-Length: {len(header) + len(tensor)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + header + tensor


def header_value(headers: bytes, name: bytes) -> bytes | None:
    """One header's value. `headers` are lower case and hold neither status line nor blank line."""
    for line in headers.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip() == name:
            return value.strip()
    return None


def _output(headers: bytes, body: bytes, name: str) -> Sequence[float]:
    """The named FP32 output, from binary data or, where a server ignores that wish, from JSON."""
    length = header_value(headers, b"inference-header-content-length")
    split = len(body) if length is None else int(length)
    offset = split
    for output in json.loads(body[:split])["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if output["name"] == name:
            if output["datatype"] != "FP32":
                raise ValueError(f"output {name} is {output['datatype']}")
            if size is None:
                return [float(value) for value in output["data"]]
            return struct.unpack(f"<{size // 4}f", body[offset : offset + size])
        offset += size or 0
    raise KeyError(name)
