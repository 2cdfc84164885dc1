"""How long an execution takes, by batch size: from Triton's own counters, in rounds.

Every round has a stretch of load for each batch size, so that whatever else the machine does
strikes all alike. The mean time of the executions in a stretch is a sample; told is the median.

A batch that Triton makes of single requests can cost several times one that a request carries (of
16 with the Python backend 1.8 ms instead of 0.4), and is what serving consists of. So where Triton
joins requests, those of a batch are sent together behind something that keeps the instances busy
until all are there: what the fewest such leaders are is tried, and batch_stats tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from trimtab.profile.arrivals import scattered
from trimtab.profile.errors import ProfileError
from trimtab.profile.interval import Quantile, quantile
from trimtab.profile.live import Due
from trimtab.profile.model import Model
from trimtab.profile.watch import Taken, Watch, check_answers

ROUNDS = 21
# An order-statistic interval of the median needs six samples.
_LEAST_SAMPLES, _MOST_ROUNDS = 6, 42
_UTILISATION = 0.3  # an idle device sleeps; a full one queues, and joins what was to be apart
_MOST_IN_ROUND = 200
_WARM_CALLS = 3
_TRIALS = 6
# Full batches ahead of each instance; 0: a single request, the cheapest where it takes long.
_LEADERS = (0, 1, 2, 4, 8, 16)
# Of the leaders' time: connections keep no order, and what comes first is executed first.
_BEHIND = 0.3


@dataclass(frozen=True, slots=True)
class Point:
    """`seconds`: of one execution of such a batch, the median with its interval.

    `is_formed`: Triton made the batch of requests with one item each, as it does in service; else
    every request carried the whole batch.
    """

    batch: int
    seconds: Quantile
    executions: int
    is_formed: bool


@dataclass(slots=True)
class _Sought:
    """A point in the making. `stretch_s`: about what an execution takes, leaders and all.

    `leaders`: full batches ahead of it, which take `leaders_s`; None where requests carry it.
    """

    batch: int
    stretch_s: float
    leaders: int | None = None
    leaders_s: float = 0.0
    samples: list[float] = field(default_factory=list)
    executions: int = 0


async def measure_points(
    watch: Watch,
    model: Model,
    sizes: Sequence[int],
    seconds: float,
    step: Callable[[int], None] = lambda _: None,
) -> tuple[Point, ...]:
    """A point for every batch size, from `seconds` of load for each; `step` is told every round."""
    rng = np.random.default_rng(1)
    sought = [_Sought(batch, await _warm(watch, batch)) for batch in sizes]
    if model.batches and sizes[-1] > 1:
        full_s = await _warm(watch, model.cap)
        for each in (each for each in sought if each.batch > 1):
            await _find_leaders(watch, model, each, full_s, rng)
    for made in range(_MOST_ROUNDS):
        if made >= ROUNDS and all(len(each.samples) >= _LEAST_SAMPLES for each in sought):
            break
        for each in sought:
            await _round(watch, model, each, seconds / ROUNDS, rng)
        step(1)
    return tuple(_point(each) for each in sought)


async def _warm(watch: Watch, batch: int) -> float:
    """Seconds of an execution, after the first: that one allocates, and compiles on some."""
    await _taken(watch, [Due(0.0, batch)])
    found = []
    for _ in range(_WARM_CALLS):
        taken = await _taken(watch, [Due(0.0, batch)])
        executed = taken.grown.of(batch)
        if executed.count:
            found.append(executed.seconds / executed.count)
    if not found:
        told = ", ".join(str(b) for b, e in taken.grown.by_batch.items() if e.count) or "none"
        raise ProfileError(
            f"batch_stats tells of no execution of {batch} items though requests of {batch} were "
            f"sent (it tells of: {told}): this backend does not report them by batch size"
        )
    return max(min(found), 1e-6)


async def _find_leaders(
    watch: Watch, model: Model, each: _Sought, full_s: float, rng: np.random.Generator
) -> None:
    """The fewest behind which single requests are mostly executed as a batch of that size."""
    alone_s = each.stretch_s
    for leaders in _LEADERS:
        each.leaders, each.leaders_s = leaders, leaders * full_s
        each.stretch_s = 2.0 * alone_s + each.leaders_s
        taken = await _taken(watch, _bursts(_TRIALS, model, each, rng))
        if 2 * taken.grown.of(each.batch).count > _TRIALS:
            return
    each.leaders, each.stretch_s = None, alone_s


async def _round(
    watch: Watch, model: Model, each: _Sought, seconds: float, rng: np.random.Generator
) -> None:
    count = min(max(1, int(_UTILISATION * seconds / each.stretch_s)), _MOST_IN_ROUND)
    if each.leaders is None:
        due = [Due(at_s, each.batch) for at_s in _starts(count, each, rng)]
    else:
        due = _bursts(count, model, each, rng)
    executed = (await _taken(watch, due)).grown.of(each.batch)
    if executed.count:
        each.samples.append(executed.seconds / executed.count)
        each.executions += executed.count


def _bursts(count: int, model: Model, each: _Sought, rng: np.random.Generator) -> list[Due]:
    """Leaders, and behind them as many single requests as the batch has."""
    leaders = each.leaders or 0
    if each.batch == model.cap:
        # Carried ones would be counted with it.
        ahead = [1] * (model.instances * (1 + leaders * model.cap))
    else:
        ahead = [model.cap if leaders else 1] * (model.instances * max(1, leaders))
    due: list[Due] = []
    for at_s in _starts(count, each, rng):
        due += [Due(at_s, size) for size in ahead]
        due += [Due(at_s + _BEHIND * each.leaders_s)] * each.batch
    return sorted(due)


def _starts(count: int, each: _Sought, rng: np.random.Generator) -> list[float]:
    """One alone leaves at once: nothing is gained by waiting for it."""
    length_s = count * each.stretch_s / _UTILISATION if count > 1 else 0.0
    return scattered(count, length_s, rng)


async def _taken(watch: Watch, due: Sequence[Due]) -> Taken:
    taken = await watch.play(due)
    check_answers(taken.played)
    return taken


def _point(each: _Sought) -> Point:
    if not each.samples:
        raise ProfileError(f"--batches: no batch of {each.batch} was executed: try it alone")
    return Point(each.batch, quantile(each.samples, 0.5), each.executions, each.leaders is not None)
