"""The most accurate fleet that the money carries, for the clairvoyant: exact for each stretch.

Time is cut into stretches. For each, one after the other, a programme over whole choices picks one
way per model: the most accuracy, weighted by requests, with every budget and class respected by the
largest fleet of the stretch, and through the change from the stretch before, when both the old and
the new replicas exist. Solved by HiGHS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.api.resources import ObjectKey
from trimtab.core.optimise.highs import quiet_highs
from trimtab.simulate.policies.oracle import Clock, Known, Timeline, along, needs
from trimtab.simulate.policies.timeline import Counts, alive, held

_OVER_PRICE = 1e6  # more than any accuracy is worth: a limit is broken only where none can hold
_MONEY_PRICE = 1e-6  # of two fleets of one accuracy, the cheaper


@dataclass(frozen=True, slots=True)
class Limit:
    """What some models may use of one thing together, in each stretch, shape (stretches,): money
    per hour, or replicas of `accelerator_class` where it names one."""

    models: frozenset[ObjectKey]
    most: NDArray[np.float64]
    accelerator_class: str | None = None


@dataclass(frozen=True, slots=True)
class _Model:
    key: ObjectKey
    known: Known
    needed: list[Counts]
    largest: NDArray[np.float64]  # replicas that exist, shape (ways, stretches)
    requests: NDArray[np.float64]  # shape (stretches,)


def most_accurate(
    models: Mapping[ObjectKey, Known],
    headrooms: Mapping[ObjectKey, float],
    limits: Sequence[Limit],
    clock: Clock,
    stretch_ticks: int,
) -> dict[ObjectKey, Timeline]:
    """Replicas over time of every model, within the limits wherever they can be kept."""
    prepared = [
        _prepare(key, known, clock, headrooms[key], stretch_ticks) for key, known in models.items()
    ]
    stretches = prepared[0].requests.size if prepared else 0
    before: list[int] | None = None
    picked = []
    for s in range(stretches):
        before = _pick(prepared, limits, s, before)
        picked.append(before)
    timelines = {}
    for i, model in enumerate(prepared):
        path = np.repeat([p[i] for p in picked], stretch_ticks)[: model.known.rates.size]
        timelines[model.key] = along(model.known, model.needed, path, clock)
    return timelines


def stretched(values: NDArray[np.float64], ticks: int) -> NDArray[np.float64]:
    """Values by tick cut into stretches, shape (stretches, ticks); the last value fills up."""
    padded = np.pad(values, (0, -values.size % ticks), mode="edge")
    return padded.reshape(-1, ticks)


def _prepare(key: ObjectKey, known: Known, clock: Clock, headroom: float, ticks: int) -> _Model:
    needed = needs(known, headroom)
    largest = np.array([stretched(_held(n, clock).astype(float), ticks).max(1) for n in needed])
    return _Model(key, known, needed, largest, stretched(known.rates, ticks).sum(1))


def _held(needed: Counts, clock: Clock) -> Counts:
    return held(alive(needed, clock.start_ticks, clock.drain_ticks), clock.drain_ticks)


def _pick(
    models: Sequence[_Model], limits: Sequence[Limit], s: int, before: Sequence[int] | None
) -> list[int]:
    """The index of the way of each model in stretch s."""
    solver = quiet_highs()
    chosen = [[solver.addBinary() for _ in m.known.ways] for m in models]
    value = 0.0
    for m, row in zip(models, chosen, strict=True):
        solver.addConstr(sum(row[1:], row[0]) == 1)
        for way, x, count in zip(m.known.ways, row, m.largest[:, s], strict=True):
            money = float(way.price_per_hour) * count
            value += (float(way.accuracy) * m.requests[s] - _MONEY_PRICE * money) * x
    for limit in limits:
        over = solver.addVariable(lb=0.0)
        value -= _OVER_PRICE * over
        used = 0.0
        for i, (m, row) in enumerate(zip(models, chosen, strict=True)):
            if m.key in limit.models:
                old = None if before is None else before[i]
                used += sum(_use(m, limit, s, o, old) * x for o, x in enumerate(row))
        solver.addConstr(used - over <= float(limit.most[max(0, s - 1) : s + 1].min()))
    solver.maximize(value)
    values = solver.getSolution().col_value
    return [max(range(len(row)), key=lambda o: values[row[o].index]) for row in chosen]


def _use(model: _Model, limit: Limit, s: int, way: int, before: int | None) -> float:
    """What a way uses of a limit, with what leaves for it."""

    def of(option: int, stretch: int) -> float:
        chosen = model.known.ways[option]
        if limit.accelerator_class is None:
            return float(chosen.price_per_hour) * float(model.largest[option, stretch])
        same = chosen.key.accelerator_class == limit.accelerator_class
        return float(model.largest[option, stretch]) if same else 0.0

    if before is None:
        return of(way, s)
    # Newcomers start while the stretch before still runs, beside all that others use in it.
    return max(of(way, s), of(way, s - 1)) if way == before else of(way, s) + of(before, s - 1)
