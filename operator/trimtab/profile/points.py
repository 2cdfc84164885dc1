"""How long an execution takes, by batch size: from Triton's own counters, in rounds.

Every round has a stretch of load for each batch size, so that whatever else the machine does
strikes all alike. The mean time of the executions in a stretch is a sample; told is the median.
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
_TRIALS = 8


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
    """A point in the making. `guess_s`: about what the execution takes."""

    batch: int
    guess_s: float
    is_formed: bool = False
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
    if model.batches:
        for each in sought:
            each.is_formed = each.batch > 1 and await _forms(watch, model, each, rng)
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


async def _forms(watch: Watch, model: Model, each: _Sought, rng: np.random.Generator) -> bool:
    """Whether single requests that arrive together are executed as a batch of that size, mostly."""
    taken = await _taken(watch, _bursts(_TRIALS, model, each, rng))
    return 2 * taken.grown.of(each.batch).count >= _TRIALS


async def _round(
    watch: Watch, model: Model, each: _Sought, seconds: float, rng: np.random.Generator
) -> None:
    count = int(_UTILISATION * seconds / each.guess_s)
    count = min(max(1, count), _MOST_IN_ROUND)
    if each.is_formed:
        due = _bursts(max(1, count // 2), model, each, rng)
    else:
        # One alone leaves at once: nothing is gained by waiting for it.
        length_s = count * each.guess_s / _UTILISATION if count > 1 else 0.0
        due = [Due(at_s, each.batch) for at_s in scattered(count, length_s, rng)]
    executed = (await _taken(watch, due)).grown.of(each.batch)
    if executed.count:
        each.samples.append(executed.seconds / executed.count)
        each.executions += executed.count


def _bursts(count: int, model: Model, each: _Sought, rng: np.random.Generator) -> list[Due]:
    """Single requests, so many together that one for each instance leaves a batch behind it."""
    length_s = count * 2 * each.guess_s / _UTILISATION if count > 1 else 0.0
    together = model.instances + each.batch
    return [Due(at_s) for at_s in scattered(count, length_s, rng) for _ in range(together)]


async def _taken(watch: Watch, due: Sequence[Due]) -> Taken:
    taken = await watch.play(due)
    check_answers(taken.played)
    return taken


def _point(each: _Sought) -> Point:
    if not each.samples:
        raise ProfileError(f"--batches: no batch of {each.batch} was executed: try it alone")
    return Point(each.batch, quantile(each.samples, 0.5), each.executions, each.is_formed)
