"""Which variants are worth having: those that no other beats in both accuracy and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Mark(NamedTuple):
    """Where a variant lies."""

    name: str
    ms: float
    accuracy: float


def front(marks: Sequence[Mark]) -> list[Mark]:
    """Those for which no other is as fast and as accurate and better in one; fastest first."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (m.ms, -m.accuracy)):
        if not kept or mark.accuracy > kept[-1].accuracy:
            kept.append(mark)
    return kept
