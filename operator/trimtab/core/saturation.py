"""What a queue that never empties tells: how fast it is worked off is all that its replicas can do.

The counter-example: a replica of a quarter of a core whose executions alone would allow 199
requests/s answers 129, because the front end shares the core. At low load the latency says nothing
of that, and once there is a backlog it says only how long there has been one. So for a minute and a
half after a step two replicas were kept for what three would have been needed for.
"""

from __future__ import annotations

import math

from trimtab.core.learn import belief_of, front_end_of, note_front_end
from trimtab.core.memory import ModelMemory
from trimtab.core.served import SCRAPE_S
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import value_or_none
from trimtab.core.snapshot import ModelState, Workload

_BATCHES_WAIT = 3.0  # for each instance: then none of them idles for want of requests
_SURE = 0.8  # of what a saturated fleet told: another's work may have slowed it
_REMEMBERED_S = 3600.0
_WITHIN = 0.05  # what is believed, and within it nothing is learnt: windows are no better


def learn_saturation(
    memory: ModelMemory, state: ModelState, now_s: float, policy: PolicySettings
) -> ModelMemory:
    """The memory with the front end's time as a saturated fleet tells it; the same memory where
    the fleet is not saturated, has changed meanwhile, or serves with several workloads."""
    answered = value_or_none(state.readings.answered_rate_fast) or 0.0
    # What a hit costs the front end is so a part of what an execution does: right for the load of
    # the day, and else too dear, never too cheap.
    executed = answered - (value_or_none(state.readings.hit_rate_fast) or 0.0)
    workload = state.alone
    if workload is None or executed <= 0.0:
        return memory
    belief = belief_of(memory, state.spec, workload.key)
    if belief is None or not belief.confirmed or workload.batch_cap is None:
        return memory
    if not _is_saturated(memory, state, workload, now_s - policy.fast_window_s - SCRAPE_S):
        return memory
    # cap items in s(cap) + cap * f seconds, on each instance.
    instances = workload.ready * state.spec.triton.instance_count
    item_s = instances / (executed * state.readings.items)
    executed_s = belief.curve.seconds(workload.batch_cap) / workload.batch_cap
    class_name = workload.key.accelerator_class
    believed_s = executed_s + max(0.0, front_end_of(memory, state.spec, class_name))
    told_s = max(0.0, item_s - executed_s)
    memory = memory._replace(saturated={**memory.saturated, class_name: (told_s, now_s)})
    if abs(believed_s / item_s - 1.0) <= _WITHIN:
        return memory
    return note_front_end(memory, state.spec, class_name, told_s)


def least_front_end_s(memory: ModelMemory, class_name: str, now_s: float) -> float:
    """What the front end takes at least, as long as a saturated fleet is remembered.

    The counter-example: at half load a p99 of 30 ms is what a replica has with a front end of 3 ms
    and without one. Read back as none, it made 258 requests/s of the 163 that a replica had just
    been seen to answer, and three replicas became two that were late.
    """
    told_s, at_s = memory.saturated.get(class_name, (0.0, now_s))
    return _SURE * told_s * math.exp(-(now_s - at_s) / _REMEMBERED_S)


def _is_saturated(
    memory: ModelMemory, state: ModelState, workload: Workload, since_s: float
) -> bool:
    """Whether there was a backlog since then, and every instance has enough now.

    Of pods that were all there when it began: what waits stays where it is, and those that come
    later have no part of it.
    """
    backlog_s, changed_s = memory.history.error_budget.since_s, memory.changed_s
    if backlog_s is None or backlog_s > since_s or changed_s is None or changed_s > backlog_s:
        return False
    instances = workload.ready * state.spec.triton.instance_count
    pending = state.readings.items * (value_or_none(state.readings.pending) or 0.0)
    return pending >= _BATCHES_WAIT * (workload.batch_cap or 1) * instances
