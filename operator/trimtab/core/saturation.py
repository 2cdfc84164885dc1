"""What a queue that never empties tells: how fast it is worked off is all that its replica can do.

The counter-example: a replica of a quarter of a core whose executions alone would allow 199
requests/s answers 129, because the front end shares the core. At low load the latency says nothing
of that, and once there is a backlog it says only how long there has been one. So for a minute and a
half after a step two replicas were kept for what three would have been needed for.
"""

from __future__ import annotations

import math

from trimtab.core.learn import belief_of, front_end_of, note_execution, note_front_end
from trimtab.core.memory import ModelMemory
from trimtab.core.served import saturated_rate
from trimtab.core.snapshot import ModelState, Workload

_SURE = 0.8  # of what a saturated fleet told: another's work may have slowed it
_REMEMBERED_S = 3600.0
_WITHIN = 0.05  # what is believed, and within it nothing is learnt: windows are no better


def learn_saturation(memory: ModelMemory, state: ModelState, now_s: float) -> ModelMemory:
    """The memory with the front end's time as saturated replicas tell it; the same memory where
    none is saturated."""
    for workload in state.workloads:
        rate = saturated_rate(state, workload)
        if rate is not None:
            memory = _told(memory, state, workload, rate, now_s)
    return memory


def least_front_end_s(memory: ModelMemory, class_name: str, now_s: float) -> float:
    """What the front end takes at least, as long as a saturated fleet is remembered.

    The counter-example: at half load a p99 of 30 ms is what a replica has with a front end of 3 ms
    and without one. Read back as none, it made 258 requests/s of the 163 that a replica had just
    been seen to answer, and three replicas became two that were late.
    """
    told_s, at_s = memory.saturated.get(class_name, (0.0, now_s))
    return _SURE * told_s * math.exp(-(now_s - at_s) / _REMEMBERED_S)


def _told(
    memory: ModelMemory, state: ModelState, workload: Workload, rate: float, now_s: float
) -> ModelMemory:
    """`rate`: items/s of a saturated replica."""
    belief = belief_of(memory, state.spec, workload.key)
    if belief is None or not belief.confirmed or workload.batch_cap is None:
        return memory
    # cap items in s(cap) + cap * f seconds, on each instance.
    item_s = state.spec.triton.instance_count / rate
    executed_s = belief.curve.seconds(workload.batch_cap) / workload.batch_cap
    class_name = workload.key.accelerator_class
    believed_s = executed_s + max(0.0, front_end_of(memory, state.spec, class_name))
    told_s = max(0.0, item_s - executed_s)
    memory = memory._replace(saturated={**memory.saturated, class_name: (told_s, now_s)})
    if abs(believed_s / item_s - 1.0) <= _WITHIN:
        return memory
    if executed_s > item_s * (1.0 + _WITHIN):
        memory = note_execution(memory, workload.key, workload.batch_cap, item_s, now_s)
    return note_front_end(memory, state.spec, class_name, told_s)
