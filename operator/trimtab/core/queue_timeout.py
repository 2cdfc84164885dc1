"""How long a request may wait before it goes behind those that can still be in time.

The counter-example to first come, first served: a burst of a minute brings twice what the replicas
answer. Every request then waits for all before it, so from the first seconds on every one is late,
and so is all that comes afterwards until the backlog is gone. Where those that are late anyway go
last, the replicas answer in time as many as they can throughout, half of the burst, and whoever
comes after it waits for nobody. None is refused: Triton answers the late ones as soon as there is
room (`timeout_action: DELAY`).

The timeout is half the target, whatever was learnt: one that followed the service times would
restart every pod. The batch cap is chosen so that a batch and the rest of the one before it are in
time, so one takes half the target at most, and who was taken just within the timeout is in time as
well. By simulation of five curves, at 0.5 to 2 times saturation, no other share of the target from
0.3 to 0.7 is right for all; at saturation, where first come, first served is late with 92 to 97 %,
half the target is with 6 to 17 %.

A queue policy has a price in Triton (seen with 2.51, and still so in its sources): without one the
next batch is gathered while the last runs; with a timeout, or a bound, it is begun only once an
instance is idle, and the lock of the queue is held meanwhile. At a third of capacity the p99 of a
model of 22 ms rose from 53 to 107 ms. So late requests go last only where the user asks for it.
"""

from __future__ import annotations

from trimtab.api.resources import ModelDeployment
from trimtab.core.queue_delay import is_fixed

_SHARE = 0.5


def queue_timeout_s(spec: ModelDeployment, variant_name: str) -> float | None:
    """The timeout of that variant's replicas; None where every request keeps its turn."""
    variant = spec.variant(variant_name)
    if variant is None or is_fixed(variant) or not late_go_last(spec):
        return None
    return _SHARE * spec.slo.target_s


def late_go_last(spec: ModelDeployment) -> bool:
    """Whether what is late goes behind what can still be in time.

    Not where the user lets requests be refused: none that waits is late then, and those that go
    last would hold the places of the queue.
    """
    return spec.triton.late_last and not spec.triton.max_queue_size
