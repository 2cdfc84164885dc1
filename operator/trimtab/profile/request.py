"""The bytes of an inference request: KServe v2 over HTTP/1.1, tensors as binary data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from trimtab.profile.model import Model
from trimtab.profile.tensor import Tensor


def inference_request(url: str, model: Model, tensors: Sequence[Tensor], items: int) -> bytes:
    """A request that carries so many items; all outputs come back as binary data."""
    contents = [tensor.content(items) for tensor in tensors]
    batch = [items] if model.max_batch else []
    header = json.dumps(
        {
            "inputs": [
                {
                    "name": tensor.name,
                    "shape": [*batch, *tensor.shape],
                    "datatype": tensor.datatype,
                    "parameters": {"binary_data_size": len(content)},
                }
                for tensor, content in zip(tensors, contents, strict=True)
            ],
            "parameters": {"binary_data_output": True},
        },
        separators=(",", ":"),
    ).encode()
    parts = urlsplit(url)
    head = (
        f"POST {parts.path.rstrip('/')}{model_path(model.name, model.version)}/infer HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/octet-stream",
        f"Inference-Header-Content-Length: {len(header)}",
        f"Content-Length: {len(header) + sum(map(len, contents))}",
    )
    return b"".join(["\r\n".join(head).encode(), b"\r\n\r\n", header, *contents])


def model_path(name: str, version: str | None) -> str:
    """The path of a model, or of one of its versions."""
    path = f"/v2/models/{quote(name, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path
