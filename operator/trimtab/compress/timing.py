"""Time several ONNX sessions against each other on a machine that also does other things.

Every round runs each of them once, so that whatever else the machine does strikes all alike, and a
ratio is taken within its round. CPU time of the calling thread: waiting for a core costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from trimtab.compress import interval, runtime
from trimtab.compress.runtime import Array

# A sample shorter than this is mostly the clock's own cost and grain.
_SAMPLE_MS = 0.5
MIN_ROUNDS = 21
_MAX_ROUNDS = 400
_WARM_CALLS = 3


Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """What a batch of one size costs, and how it compares with another's.

    `ms`: CPU milliseconds of one call, lower quartile. `ratio`: median over the rounds of this
    one's time over the other's, with its 95 % interval in `low` and `high`.
    """

    batch: int
    ms: float
    ratio: float
    low: float
    high: float


def compare(
    sessions: Mapping[str, Any],
    pairs: Sequence[Pair],
    inputs: Mapping[str, Array],
    batches: Sequence[int],
    seconds: float,
    step: Callable[[int], None] = lambda _: None,
) -> dict[Pair, tuple[Point, ...]]:
    """For every pair of sessions' names, a point a batch size: the first beside the second.

    `seconds`: CPU time to spend on a session and a batch size; a slow one runs MIN_ROUNDS times
    all the same. `step` is called with 1 after each batch size.
    """
    found: dict[Pair, list[Point]] = {pair: [] for pair in pairs}
    for batch in batches:
        samples = _rounds(sessions, inputs, batch, seconds)
        for one, other in pairs:
            found[one, other].append(_point(batch, samples[one], samples[other]))
        step(1)
    return {pair: tuple(points) for pair, points in found.items()}


def _rounds(
    sessions: Mapping[str, Any], inputs: Mapping[str, Array], batch: int, seconds: float
) -> dict[str, list[float]]:
    fed = {name: runtime.feed(session, inputs, batch) for name, session in sessions.items()}
    calls = {name: _calls(session, fed[name]) for name, session in sessions.items()}
    samples: dict[str, list[float]] = {name: [] for name in sessions}
    order = list(sessions)
    until = time.thread_time() + seconds * len(order)
    rounds = 0
    while rounds < MIN_ROUNDS or (rounds < _MAX_ROUNDS and time.thread_time() < until):
        for name in order:
            # The one before left its own weights in the caches.
            sessions[name].run(None, fed[name])
            samples[name].append(runtime.timed(sessions[name], fed[name], calls[name]))
        # There and back, so that none always follows the same other.
        order.reverse()
        rounds += 1
    return samples


def _calls(session: Any, fed: Mapping[str, Array]) -> int:
    """How many calls make one sample."""
    for _ in range(_WARM_CALLS):
        session.run(None, fed)
    return max(1, ceil(_SAMPLE_MS / max(runtime.timed(session, fed, _WARM_CALLS), 1e-4)))


def _point(batch: int, own: Sequence[float], other: Sequence[float]) -> Point:
    ratios = [mine / theirs for mine, theirs in zip(own, other, strict=True)]
    low, high = interval.median(ratios)
    return Point(
        batch=batch,
        ms=float(np.quantile(own, runtime.QUANTILE)),
        ratio=float(np.median(ratios)),
        low=low,
        high=high,
    )
