"""What was worked out of the very same things the tick before. It changes no result.

Most of what a decision looks at stays from tick to tick: fifteen options, what each would get and
what is told of them. Worked out anew for a thousand models, it took most of a tick.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any, TypeVar

_Made = TypeVar("_Made")

WORKLOADS_KEPT = 512
"""How many results of single workloads an lru_cache keeps. They spare a model of which one workload
changed the others, and what stays as it was is in its Memo: sixteen times as many were 10 MiB of a
thousand models, which is fifteen thousand workloads and finds none of them again."""


class Memo:
    """The last result by name. What it was made of is compared exactly, so that it is the same
    whether it was kept or made anew: `objects` by identity (two amounts of 0.8 and 0.80 are equal,
    and read differently), `values` (numbers, keys, states of pods) by equality."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Sequence[object], tuple[object, ...], Any]] = {}

    def get(
        self,
        name: Hashable,
        objects: Sequence[object],
        values: tuple[object, ...],
        make: Callable[[], _Made],
    ) -> _Made:
        """What `make` returned for these, made now where it was not the last time."""
        known = self._known.get(name)
        if known is not None and known[1] == values and _same(known[0], objects):
            kept: _Made = known[2]
            return kept
        made = make()
        self._known[name] = (objects, values, made)
        return made

    def keep(self, names: Container[Hashable]) -> None:
        """Drops what is of other names."""
        for name in [n for n in self._known if n not in names]:
            del self._known[name]


def _same(before: Sequence[object], after: Sequence[object]) -> bool:
    return len(before) == len(after) and all(map(operator.is_, before, after))
