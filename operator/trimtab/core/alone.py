"""The most that a replica had to answer of late, where one workload served alone.

A percentile is of a minute, in which the load rose and replicas came. In a steady state it is read
back at the rate of now. Elsewhere it is no higher than at the highest rate that any replica had in
that minute: where it is higher even so, requests cost more than is believed, by that at least. The
counter-example: a load that rose for four minutes had no steady state, and all that time a p99 of
210 ms stood beside a predicted one of 130 ms.
"""

from __future__ import annotations

from typing import NamedTuple

from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import ModelState, WorkloadKey

SCRAPE_S = 5.0
"""By how much a window's first sample, or a rate, may be older than what is seen with it."""


class Alone(NamedTuple):
    """A workload that serves alone: since when, and by time the items per second over the fast
    window and the Ready replicas that were there for them."""

    key: WorkloadKey
    since_s: float
    loads: tuple[tuple[float, float, int], ...] = ()


def noted(
    before: Alone | None, state: ModelState, now_s: float, policy: PolicySettings
) -> Alone | None:
    """What is known after this snapshot; None where several workloads serve, or none."""
    serving = [w for w in state.workloads if w.ready]
    fast = state.readings.executing_rate_fast
    if len(serving) != 1 or fast is None:
        return None
    (workload,) = serving
    if before is None or before.key != workload.key:
        before = Alone(workload.key, now_s)
    kept = [load for load in before.loads if load[0] > now_s - policy.settle_s]
    load = (now_s, state.readings.items * fast, workload.ready)
    return Alone(before.key, before.since_s, (*kept, load))


def most_each(alone: Alone | None, now_s: float, policy: PolicySettings) -> float | None:
    """The highest rate of items per second at each replica while a percentile of now was counted;
    None where another workload had a part in it."""
    if alone is None or now_s - alone.since_s < policy.settle_s:
        return None
    behind_s = policy.fast_window_s + SCRAPE_S
    return max(
        rate / min(n for t, _, n in alone.loads if at_s - behind_s <= t <= at_s)
        for at_s, rate, _ in alone.loads
    )
