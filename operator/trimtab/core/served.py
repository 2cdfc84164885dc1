"""The most that each workload's replicas had to answer of late.

A percentile is of a minute, in which the load rose, replicas came and shares moved. In a steady
state of one workload it is read back at the rate of now. Elsewhere no replica had more to answer
than the most that any of its workload had in that minute: where the percentile is higher even so,
requests cost more than is believed, by that at least. The counter-example: a load that rose for
four minutes had no steady state, and all that time a p99 of 210 ms stood beside a predicted one of
130 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import NamedTuple

from trimtab.core.settings import PolicySettings
from trimtab.core.signals import value_or_none
from trimtab.core.snapshot import Backend, ModelState, Workload, WorkloadKey

SCRAPE_S = 5.0
"""By how much a window's first sample, or a rate, may be older than what is seen with it."""


_BATCHES_WAIT = 3.0  # for each instance: then none of them idles for want of requests


class Load(NamedTuple):
    """Items per second that a workload had over the fast window, and the Ready replicas that were
    there for them."""

    at_s: float
    rate: float
    ready: int


class Served(NamedTuple):
    """What each workload had to answer, and since when nothing is missing of it."""

    since_s: float
    loads: Mapping[WorkloadKey, tuple[Load, ...]]


def noted(
    before: Served | None, state: ModelState, now_s: float, policy: PolicySettings
) -> Served | None:
    """What is known after this snapshot; None where the load is not known, or nothing serves."""
    fast = state.readings.executing_rate_fast
    shares = shares_of(state)
    if fast is None or not shares:
        return None
    loads: dict[WorkloadKey, tuple[Load, ...]] = {}
    for key, past in before.loads.items() if before else ():
        kept = tuple([load for load in past if load.at_s > now_s - policy.settle_s])
        if kept:
            loads[key] = kept
    for key, share in shares.items():
        load = Load(now_s, state.readings.items * fast * share, state.workload(key).ready)
        loads[key] = (*loads.get(key, ()), load)
    return Served(before.since_s if before else now_s, loads)


def most_each(
    served: Served | None, now_s: float, policy: PolicySettings
) -> dict[WorkloadKey, float]:
    """The highest rate of items per second at each replica while a percentile of now was counted,
    by workload; empty where part of that time was not seen."""
    if served is None or now_s - served.since_s < policy.settle_s:
        return {}
    behind_s = policy.fast_window_s + SCRAPE_S
    return {
        key: max(
            load.rate / min([n for t, _, n in loads if load.at_s - behind_s <= t <= load.at_s])
            for load in loads
        )
        for key, loads in served.loads.items()
    }


def saturated_rate(state: ModelState, workload: Workload) -> float | None:
    """Items/s that each replica of the workload answered whose instances all had enough to do; None
    where none had.

    Of the pods with the backlog: what waits stays where it is, and those that came later answer no
    more than what arrives at them.
    """
    cap, instances = workload.batch_cap, state.spec.triton.instance_count
    if cap is None:
        return None
    items = state.readings.items
    enough = _BATCHES_WAIT * cap * instances / items
    backlogs = state.readings.workload(workload.key).backlogs
    rates = [b.executed_rate * items for b in backlogs if b.pending >= enough]
    return fmean(rates) if rates else None


def shares_of(state: ModelState) -> dict[WorkloadKey, float]:
    """The most (0 to 1) of the traffic that each workload with a Ready pod may have: as its weight
    behind a gateway says, or its pods behind a Service, or what it was seen to answer. The last is
    of a minute, and late where a share grows; the first does not know of connections that stay."""
    serving = [w for w in state.workloads if w.ready]
    listed = state.route.backends if state.route else ()
    sent = _parts({w.key: _weight(listed, w.key) if listed else w.ready for w in serving})
    answered = _parts({w.key: _answered(state, w.key) for w in serving})
    most = {key: max(part, answered.get(key, 0.0)) for key, part in sent.items()}
    return {key: part for key, part in most.items() if part}


def _weight(listed: Iterable[Backend], key: WorkloadKey) -> int:
    return sum([b.weight for b in listed if b.key == key])


def _answered(state: ModelState, key: WorkloadKey) -> float:
    return value_or_none(state.readings.workload(key).rate) or 0.0


def _parts(numbers: Mapping[WorkloadKey, float]) -> dict[WorkloadKey, float]:
    """Each as a part of all; all 0 where they are."""
    total = sum(numbers.values()) or 1.0
    return {key: number / total for key, number in numbers.items()}
