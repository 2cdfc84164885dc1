"""A part of a raw object that is seldom read, kept small.

A spec of five variants on three classes takes 25 KiB as dictionaries and 1 KiB packed, and is read
once: when it was changed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any


def whole(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """All of it, unpacked once; empty where there is none."""
    return dict(part.items()) if part else {}


class Packed(Mapping[str, Any]):
    """A mapping of which the fields in `open_` are at hand, and the others unpacked at each access.

    Never changed. Equal to another one of the same fields in the same order.
    """

    __slots__ = ("_body", "_keys", "_open")

    def __init__(self, fields: Mapping[str, Any], open_: frozenset[str] = frozenset()) -> None:
        rest = {k: v for k, v in fields.items() if k not in open_}
        self._open = {k: v for k, v in fields.items() if k in open_}
        self._keys = tuple(fields)
        self._body = zlib.compress(json.dumps(rest, separators=(",", ":")).encode(), 1)

    def __getitem__(self, key: str) -> Any:
        found = self._open.get(key)
        return self._rest()[key] if found is None and key not in self._open else found

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def items(self) -> Any:
        """All fields, unpacked once."""
        return {**self._rest(), **self._open}.items()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packed):
            return NotImplemented
        return (self._body, self._open, self._keys) == (other._body, other._open, other._keys)

    __hash__ = None  # type: ignore[assignment]

    def _rest(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(zlib.decompress(self._body))
        return fields
