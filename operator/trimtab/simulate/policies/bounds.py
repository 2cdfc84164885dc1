"""What a cluster lets a rule have that knows neither money nor accelerators.

Only scaling.minReplicas and maxReplicas bind its wish. An accelerator class that is full binds in
the scheduler: the pods are created, wait, and get their place first come, first served.
"""

from __future__ import annotations

from trimtab.api.resources import Scaling


def clamped(wish: int, scaling: Scaling) -> int:
    """The wish inside minReplicas and maxReplicas."""
    return min(max(wish, scaling.min_replicas), scaling.max_replicas)
