"""From one set of workloads to another without a gap: the old leave when the new are ready."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.core.plan import Target
from trimtab.core.snapshot import ModelState, WorkloadKey


def make_before_break(
    state: ModelState,
    sizes: Mapping[WorkloadKey, int],
    batch_caps: Mapping[WorkloadKey, int],
    weights: Mapping[WorkloadKey, int] | None = None,
) -> tuple[Target, ...]:
    """Targets of `sizes` (replicas by workload), and of what runs beside them until all of them are
    Ready. `weights`: percent of the traffic by workload; 100 each without them."""
    weights = weights or {}
    targets = [
        Target(key, count, batch_caps[key], weight=weights.get(key, 100))
        for key, count in sizes.items()
    ]
    arrived = all(state.workload(key).ready >= count for key, count in sizes.items())
    if arrived:
        return tuple(targets)
    for workload in state.workloads:
        if workload.key not in sizes and workload.replicas > 0:
            cap = workload.batch_cap or batch_caps[workload.key]
            targets.append(Target(workload.key, workload.replicas, cap))
    return tuple(targets)
