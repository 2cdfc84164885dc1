"""The latency model: from a service-time curve and a load to latencies, and back to a capacity.

A replica is a bulk-service queue: first come, first served, each instance takes whatever waits up
to the batch cap, and a fixed batch's time is nearly deterministic. `curve` is that time, `chain`
the queue at the end of every batch, `batches` what Triton's means tell of it, `sojourn` what a
request meets in it, `replica` the answers kept for every load, `capacity` their inverse.
"""

from trimtab.core.latency.batches import batch_a_request_sees
from trimtab.core.latency.capacity import (
    QUEUE_DELAY_S,
    best_batch_cap,
    capacity_rate,
    unbounded_capacity_rate,
)
from trimtab.core.latency.curve import ServiceCurve
from trimtab.core.latency.fit import front_end_s, service_scale
from trimtab.core.latency.replica import ReplicaModel, nearest_dispersion

__all__ = [
    "QUEUE_DELAY_S",
    "ReplicaModel",
    "ServiceCurve",
    "batch_a_request_sees",
    "best_batch_cap",
    "capacity_rate",
    "front_end_s",
    "nearest_dispersion",
    "service_scale",
    "unbounded_capacity_rate",
]
