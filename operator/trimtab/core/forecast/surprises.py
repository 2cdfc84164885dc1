"""Bursts shorter than help takes: how often they come, and the room that is worth keeping for them.

Where a rate is silent for a minute and then ten times its mean for ten seconds, no replica that is
started for a burst ever serves it: what counts is what runs already. How much that should be, the
bursts of the last hours say: each is played against a fleet that follows the rate with the delay
that a start-up has, and what it would have made late is noted by its height.
"""

from __future__ import annotations

import math
from typing import NamedTuple

_MEMORY_S = 7200.0
_LEAST_WATCHED_S = 600.0  # a burst in the first minute is not one every minute
_SLACK = 1.5  # a smaller rise is carried by the room that every fleet has
_STEP = 1.25  # how coarsely heights are noted
_APART_S = 60.0
_PATTERN = 1.5  # bursts: one was chance


class Surprises(NamedTuple):
    """late: (height, items): by the largest rate that they came with, in coarse steps, the items
    that a fleet which only follows would have made late; the lowest first. bursts: how many;
    watched_s: in what time; all three fade over two hours. at_s: the last."""

    late: tuple[tuple[float, float], ...] = ()
    bursts: float = 0.0
    watched_s: float = 0.0
    at_s: float | None = None

    def heard(self, now_s: float, rate: float, followed: float, step_s: float) -> Surprises:
        """After `step_s` seconds at a rate, where a fleet that follows is ready for `followed`."""
        kept = math.exp(-step_s / _MEMORY_S)
        late = self.late and tuple([(height, items * kept) for height, items in self.late])
        bursts, watched_s = self.bursts * kept, self.watched_s * kept + step_s
        if rate <= _SLACK * max(followed, 1e-9):
            return Surprises(late, bursts, watched_s, self.at_s)
        is_new = self.at_s is None or now_s - self.at_s > _APART_S
        return Surprises(_added(late, rate, rate * step_s), bursts + is_new, watched_s, now_s)

    def room(self, level: float, price_s: float, *, late_last: bool = False) -> float:
        """The rate to be ready for at all times; 0 where being ready for more than `level` does not
        pay.

        price_s: what one late item is worth, in seconds of the capacity that serves one a second.
        late_last: whether late items go last.
        """
        if self.bursts < _PATTERN:
            return 0.0
        watched_s = max(self.watched_s, _LEAST_WATCHED_S)
        heights = [(height, items) for height, items in self.late if height > level]
        best, best_gain = 0.0, 0.0
        for room, _ in heights:
            # Of a burst that is larger still, room that puts what is late last keeps its part.
            saved = sum(
                items * ((min(height, room) - level) / height if late_last else height <= room)
                for height, items in heights
            )
            gain = price_s * saved / watched_s - (room - level)
            if gain > best_gain:
                best, best_gain = room, gain
        return best


def _added(
    late: tuple[tuple[float, float], ...], rate: float, items: float
) -> tuple[tuple[float, float], ...]:
    steps = {_step(height): (height, late_items) for height, late_items in late}
    height, before = steps.get(_step(rate), (0.0, 0.0))
    steps[_step(rate)] = max(height, rate), before + items
    return tuple(sorted(steps.values()))


def _step(height: float) -> int:
    return math.ceil(math.log(height, _STEP))
