"""When requests leave: Poisson, so at any moment and whatever became of those before."""

from __future__ import annotations

import numpy as np


def poisson(rate: float, seconds: float, rng: np.random.Generator) -> list[float]:
    """Times in seconds, ascending, at a mean rate (requests/s) over a length of time."""
    times: list[float] = []
    at_s = rng.exponential(1.0 / rate)
    while at_s < seconds:
        times.append(at_s)
        at_s += rng.exponential(1.0 / rate)
    return times


def scattered(count: int, seconds: float, rng: np.random.Generator) -> list[float]:
    """The same where their number is given: each at any moment of that time."""
    return sorted(rng.uniform(0.0, seconds, count).tolist())
