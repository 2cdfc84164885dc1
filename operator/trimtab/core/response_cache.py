"""How much of a load Triton's response caches take off the replicas, and how much of it is counted.

A request that hits is answered without an execution, so the load to plan for is what executes. But
a cache is memory of one process: a pod that starts has an empty one, and the hits of all go at once
with a node, or as clients begin to ask for something else. So two rules:

- Of what arrives at least a quarter is planned for. The counter-example: of 3,000 requests/s 2,999
  hit, one replica is enough for the rest, and the next time its pod starts anew it meets a hundred
  times what it can do. With the rule the loss of every cache is a step to four times the load, as
  large as the first burst that the forecast prepares for.
- A workload that does not serve yet has no hits, so that it is sized for all that arrives. What it
  answers from its caches counts once it was seen to. The counter-example: a switch to a cheaper
  variant, sized for the tenth that executes, began with ten times the load it was made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.core.signals import Reading, value_or_none

if TYPE_CHECKING:
    from trimtab.core.snapshot import ModelState, WorkloadKey

MOST_COUNTED = 0.75


def executing_rate(arrivals: Reading, hits: Reading) -> float | None:
    """Requests per second to plan for, of those that arrive; None where the arrivals are unknown.

    Hits that are unknown are none: all that arrives is planned for.
    """
    rate = value_or_none(arrivals)
    return None if rate is None else rate * (1.0 - counted_share(rate, value_or_none(hits)))


def counted_share(rate: float, hits: float | None) -> float:
    """The share of `rate` requests per second (0 to 0.75) that is left to the caches."""
    return min(MOST_COUNTED, hits / rate) if rate > 0.0 and hits else 0.0


def load_factor(state: ModelState, key: WorkloadKey, fleet_share: float) -> float:
    """How many times the load that executes at the fleet would execute at that workload, if it had
    all that arrives; `fleet_share` is what counts of the whole fleet's hits."""
    return (1.0 - _own_share(state, key, fleet_share)) / (1.0 - fleet_share)


def _own_share(state: ModelState, key: WorkloadKey, fleet_share: float) -> float:
    ready = state.workload(key).ready
    if not ready:
        return 0.0
    if ready == sum(w.ready for w in state.workloads):
        return fleet_share
    readings = state.readings.workload(key)
    return counted_share(value_or_none(readings.rate) or 0.0, value_or_none(readings.hit_rate))
