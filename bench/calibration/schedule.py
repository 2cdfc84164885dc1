"""Arrival times of a run, the same for the real server and for the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from e2e.load.arrivals import Schedule, Segment, Trace


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Open-loop arrivals at a constant mean rate (requests/s)."""
    return Schedule((Segment(seconds, rate),)).arrivals(seed)


def stretch(path: Path, rate: float, seconds: float, seed: int = 1) -> list[float]:
    """The first `seconds` of a trace with requests in them, thinned or repeated to that mean rate.

    A request is repeated at a place of its own, within a tenth of a second after it.
    """
    times = Trace.read(path).arrivals(seed)
    if not times:
        raise ValueError(f"{path}: the trace holds no request")
    first = times[0]
    chosen = [t - first for t in times if t - first < seconds]
    rng = np.random.default_rng(seed)
    factor = rate * seconds / len(chosen)
    copies = (factor + rng.random(len(chosen))).astype(int)
    again = np.concatenate([np.arange(n) > 0 for n in copies])
    found = np.repeat(chosen, copies) + np.where(again, 0.1 * rng.random(again.size), 0.0)
    return [float(t) for t in np.sort(found)]


def write_times(path: Path, times: Sequence[float]) -> None:
    """A trace file of arrival times, a row each."""
    path.write_text("arrival_s\n" + "".join(f"{t:.6f}\n" for t in times))
