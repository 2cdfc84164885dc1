"""How long a smaller fleet must have sufficed before the fleet shrinks to it."""

from __future__ import annotations

import math

from trimtab.api.resources import ModelDeployment
from trimtab.core.memory import ModelMemory

_SHORTEST_S, _LONGEST_S, _UNMEASURED_S = 60.0, 300.0, 120.0
_QUANTILE = 0.9


def hold_s(spec: ModelDeployment, memory: ModelMemory) -> float:
    """Seconds of the stabilisation window: the user's, or derived from the time to Ready.

    A replica that went and is missed costs one time to Ready. Held for less than that, a fleet
    with slow pods pays more for each wrong guess than it saves; held for five minutes, one whose
    pods take 3 s pays for capacity it could have had back at once. Twice the 90th percentile (by
    nearest rank) of all measured times, as start-up times are often bimodal; 120 s before the
    first is measured.
    """
    given = spec.scaling.scale_down_stabilization_s
    if given is not None:
        return given
    times = sorted(t for known in memory.times_to_ready_s.values() for t in known)
    if not times:
        return _UNMEASURED_S
    high = times[math.ceil(_QUANTILE * len(times)) - 1]
    return min(max(2.0 * high, _SHORTEST_S), _LONGEST_S)
