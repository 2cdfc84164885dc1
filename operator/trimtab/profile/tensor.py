"""A tensor of a request: its items as bytes, ready to be repeated to any batch."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_NUMPY: dict[str, str] = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape`: of one item, without its batch. `items`: the bytes of one or more different ones."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    items: tuple[bytes, ...]

    def content(self, items: int) -> bytes:
        """The bytes of a batch of so many, the items in turn."""
        return b"".join(self.items[i % len(self.items)] for i in range(items))


def encoded(datatype: str, values: Iterable[Any]) -> bytes:
    """Values as Triton's binary data; ValueError or TypeError where they are none of that type."""
    if datatype == "BYTES":
        return b"".join(_length_and_text(value) for value in values)
    if datatype == "BF16":
        return _bf16(np.array(list(values), "<f4"))
    return np.array(list(values)).astype(numpy_type(datatype), casting="unsafe").tobytes()


def numpy_type(datatype: str) -> npt.DTypeLike:
    """ValueError of a type that numpy has none for."""
    if datatype not in _NUMPY:
        raise ValueError(f"data type {datatype} is not known")
    return np.dtype(_NUMPY[datatype])


def _length_and_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    text = value.encode()
    return struct.pack("<I", len(text)) + text


def _bf16(values: npt.NDArray[Any]) -> bytes:
    """The upper half of each float32."""
    return (values.view("<u4") >> 16).astype("<u2").tobytes()
