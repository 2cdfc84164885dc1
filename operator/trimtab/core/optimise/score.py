"""One number for a choice: a shortage weighs most, then accuracy where that is the goal, then cost.

All in micro-units of money per hour, so that a shadow price can be read. For a model with load D
and capacity x, with u = min(1, x / D) the share it carries:

    missing(u) = 0                                              where x >= D
               = J + (1 - J) * ((1 - u) + (1 - u)^2) / 2        else, with J = 0.5

the quadratic drawn as straight lines between eighths of u. The jump J says that a queue offered
more than its capacity is late for all, not for the excess alone: the last replica that makes a
model whole is worth more than the one before it. The square says that the deeper the shortage the
worse each request more, so that models of one priority share it instead of one taking it all.
missing(0) = 1: without capacity everything is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.core.optimise.problem import Demand, Problem

Floats = NDArray[np.float64]

# In a mix the more accurate is filled first, with so much room: the load moves while it is read. On
# recorded traffic a margin of 1 cost up to a point of attainment, and between 1.15 and 1.3 none was
# the best everywhere.
TRAFFIC_MARGIN = 1.2
SEGMENTS = 8  # straight lines that stand for the square
_JUMP = 0.5
# How much one level outweighs the next. An accuracy of a thousandth is worth the model's cheapest
# fleet three times, a shortage more than any accuracy, each priority a thousand times the one below
# (less where there are many: doubles hold 15 digits), and a first replica all growth.
_ACCURACY_OVER_COST = 3e3
_SHORTAGE_OVER_ACCURACY = 10.0
_PRIORITY_STEP = 1e3
_PRIORITY_SPAN = 1e6
_FIRST_OVER_SHORTAGE = 10.0


@dataclass(frozen=True, slots=True)
class Weights:
    """accuracy: of one request/s served one whole accuracy worse than the model's best.
    shortage: of one missing request/s, by model. first: of one replica below the minimum, by model.
    """

    accuracy: float
    shortage: Floats
    first: Floats


def weights_of(problem: Problem) -> Weights:
    """The weights that keep the order of the levels whatever the fleet."""
    models = problem.models
    unit = max(max((_cheapest(m) for m in models), default=1.0), 1e-6)
    accuracy = _ACCURACY_OVER_COST * unit
    base = _SHORTAGE_OVER_ACCURACY * accuracy
    shortage = base * _priority_factors([m.priority for m in models])
    largest = max((m.rate for m in models), default=0.0)
    top = float(shortage.max(initial=base))
    first = _FIRST_OVER_SHORTAGE * max(largest, 1.0) * top * (1.0 + shortage / top)
    return Weights(accuracy, shortage, first)


def missing_share(carried: Floats) -> Floats:
    """The share of requests that counts as missed when the share `carried` (0 to 1) is within
    capacity; see the module."""
    share = np.clip(carried, 0.0, 1.0)
    corners = np.linspace(0.0, 1.0, SEGMENTS + 1)
    lack = 1.0 - corners
    curve = _JUMP + (1.0 - _JUMP) * (lack + lack * lack) / 2.0
    drawn = np.interp(share, corners, curve)
    # 1e-9: a load of exactly n capacities is carried, whatever the rounding.
    return np.where(share >= 1.0 - 1e-9, 0.0, drawn)


def _cheapest(model: Demand) -> float:
    """Micro-units per hour that one request/s costs the model at best."""
    rates = [o.price_micro / o.capacity_rate for o in model.options]
    return min(rates, default=0.0)


def _priority_factors(priorities: Sequence[int]) -> Floats:
    levels = {p: i for i, p in enumerate(sorted(set(priorities)))}
    steps = max(1, len(levels) - 1)
    step = min(_PRIORITY_STEP, float(_PRIORITY_SPAN ** (1.0 / steps)))
    return np.array([step ** levels[p] for p in priorities], dtype=np.float64)
