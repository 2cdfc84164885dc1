"""What recorded load says to somebody who may read it before the run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.api.resources import ObjectKey
from trimtab.simulate.policies.timeline import Counts
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace


def end_s(traces: Mapping[ObjectKey, Trace], settings: RunSettings) -> float:
    """The second at which the run ends."""
    if settings.duration_s is not None:
        return settings.duration_s
    return max(t.duration_s for t in traces.values())


def rates(trace: Trace, step_s: float, until_s: float) -> NDArray[np.float64]:
    """Requests per second of each step up to the end of the run; 0 where the trace is over."""
    steps = int(np.ceil(until_s / step_s))
    found = trace.rates(step_s)[:steps]
    return np.pad(found, (0, steps - found.size))


def per_second(trace: Trace, until_s: float) -> Counts:
    """Requests of each second, rounded."""
    return np.rint(rates(trace, 1.0, until_s)).astype(np.int64)
