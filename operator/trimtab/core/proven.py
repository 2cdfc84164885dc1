"""How much more than it was seen to answer a replica is trusted with.

Executions at light load say how long a request takes, and not how many fit: a pod with a limit of
a quarter of a core runs as on a whole one until its part of the period is used up. By executions
of 1.5 ms one replica of 116 requests/s was believed to carry 690, and in the middle of a burst four
became one. A profile is measured up to saturation; beyond what it says, or where a flood told,
replicas are trusted with little more than what they were seen to do, and so find out step by step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from trimtab.api.resources import AcceleratorClass
from trimtab.core.served import SCRAPE_S, saturated_rate
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import value_or_none
from trimtab.core.snapshot import ModelState, Workload, WorkloadKey

if TYPE_CHECKING:
    from trimtab.core.memory import ModelMemory

Classes = Mapping[str, AcceleratorClass]

_MORE = 1.5  # times what was seen: of three replicas two can then take it over
# Times that again once it has stayed so: else two would never become one.
_LATER = 1.5
_LATER_S = 300.0
# What a flood told is trusted as long as it was, and a slow neighbour forgotten in hours.
_FLOOD_S = 6 * 3600.0
_STEP = math.log(1.05)


class Proven(NamedTuple):
    """Items/s that each replica of a workload answered at most, and when (epoch); `saturated` where
    it could not have answered more. of: what answered."""

    rate: float
    at_s: float
    saturated: bool = False
    of: tuple[object, ...] = ()


class Trust(NamedTuple):
    """Items/s that a replica is trusted with; `saturated` where they are all that it can."""

    rate: float
    saturated: bool


def learn_proven(
    memory: ModelMemory, state: ModelState, classes: Classes, now_s: float, policy: PolicySettings
) -> ModelMemory:
    """The memory with what replicas were seen to answer; the same where it is nothing new."""
    found = dict(memory.proven)
    for workload in state.workloads:
        of = _what_answers(state, workload, classes)
        before = found.get(workload.key)
        if before is not None and before.of != of:
            # The class was given twice the CPU, say: what half of it did is no bound.
            before = None
            del found[workload.key]
        flooded = saturated_rate(state, workload)
        if flooded is not None:
            found[workload.key] = Proven(flooded, now_s, saturated=True, of=of)
            continue
        rate = _answered_each(memory, state, workload, now_s, policy)
        if rate is not None and (before is None or rate > before.rate * math.exp(_STEP)):
            found[workload.key] = Proven(rate, now_s, of=of)
    return memory if found == memory.proven else memory._replace(proven=found)


def trusted(memory: ModelMemory, now_s: float) -> Mapping[WorkloadKey, Trust]:
    """By workload that was seen to answer, to within 5 %: what moves less changes no option."""
    return {key: _trust(proven, now_s) for key, proven in memory.proven.items()}


def _what_answers(state: ModelState, workload: Workload, classes: Classes) -> tuple[object, ...]:
    variant = state.spec.variant(workload.key.variant)
    accelerator = classes.get(workload.key.accelerator_class)
    return (
        variant and variant.source,
        state.spec.triton.image,
        state.spec.triton.instance_count,
        accelerator and accelerator.resources,
    )


def _trust(proven: Proven, now_s: float) -> Trust:
    since_s = max(0.0, now_s - proven.at_s)
    if proven.saturated:
        more = min(math.log(_MORE), since_s / _FLOOD_S)
    else:
        more = math.log(_MORE * _LATER if since_s >= _LATER_S else _MORE)
    rate = math.exp(_STEP * round((math.log(proven.rate) + more) / _STEP))
    return Trust(rate, proven.saturated)


def _answered_each(
    memory: ModelMemory,
    state: ModelState,
    workload: Workload,
    now_s: float,
    policy: PolicySettings,
) -> float | None:
    """Items/s that each replica executed over the long window, by the most that there were in it;
    None where that is not known."""
    since_s = now_s - policy.long_window_s - SCRAPE_S
    served, readings = memory.served, state.readings.workload(workload.key)
    rate = value_or_none(readings.rate)
    if served is None or served.since_s > since_s or not rate:
        return None
    executed = rate - (value_or_none(readings.hit_rate) or 0.0)
    loads = served.loads.get(workload.key, ())
    most = max([workload.ready, *(load.ready for load in loads if load.at_s >= since_s)])
    return executed * state.readings.items / most if executed > 0.0 and most else None
