"""How long a smaller fleet must have sufficed before the fleet shrinks to it."""

from __future__ import annotations

import math
from functools import lru_cache

from trimtab.api.resources import ModelDeployment
from trimtab.core.memory import ModelMemory

_SHORTEST_S, _LONGEST_S = 30.0, 300.0
_UNMEASURED_READY_S = 60.0
_QUANTILE = 0.9


def hold_s(spec: ModelDeployment, memory: ModelMemory) -> float:
    """Seconds of the stabilisation window: the user's, or one time to Ready.

    A replica that went and is missed costs one time to Ready: held for as long as that, at most
    twice what knowing the future would cost is paid (the rent-or-buy bound).
    """
    given = spec.scaling.scale_down_stabilization_s
    if given is not None:
        return given
    return min(max(ready_after_s(memory), _SHORTEST_S), _LONGEST_S)


def ready_after_s(memory: ModelMemory) -> float:
    """Seconds from a pod's creation to Ready to plan with: the 90th percentile (by nearest rank) of
    all that was measured, as start-up times are often bimodal; 60 before the first."""
    return _late_quantile(tuple(memory.times_to_ready_s.values()))


@lru_cache(maxsize=4096)
def _late_quantile(times_s: tuple[tuple[float, ...], ...]) -> float:
    times = sorted(t for known in times_s for t in known)
    return times[math.ceil(_QUANTILE * len(times)) - 1] if times else _UNMEASURED_READY_S
