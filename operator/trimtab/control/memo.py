"""What was made of raw objects, kept for as long as these are the very same ones."""

from __future__ import annotations

import operator
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any, TypeVar

_Made = TypeVar("_Made")


class Memo:
    """The last result by key. Inputs are compared by identity: the caches keep the same object for
    as long as nothing about it changes."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Sequence[object], Any]] = {}

    def get(self, key: Hashable, inputs: Sequence[object], make: Callable[[], _Made]) -> _Made:
        """What `make` returned for these inputs, made now where it was not the last time."""
        known = self._known.get(key)
        if known is not None and _same(known[0], inputs):
            kept: _Made = known[1]
            return kept
        made = make()
        self._known[key] = (inputs, made)
        return made

    def keep(self, keys: Container[Hashable]) -> None:
        """Drops what is of other keys."""
        for key in [k for k in self._known if k not in keys]:
            del self._known[key]


def _same(before: Sequence[object], after: Sequence[object]) -> bool:
    return len(before) == len(after) and all(map(operator.is_, before, after))
