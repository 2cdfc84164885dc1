"""How many requests may wait at one replica before it refuses more.

The counter-example to a queue without a bound: for a minute three times as much comes as a replica
answers. Each request is answered after all that came before it, so from the first seconds on every
one is late, and so is all that comes later until the backlog is gone, two minutes after the burst.
With a bound, as many as the replica can answer are answered in time throughout, the rest are told
at once, and nothing is left behind.
"""

from __future__ import annotations

import math

from trimtab.api.resources import ModelDeployment
from trimtab.core.latency import ReplicaModel
from trimtab.core.snapshot import Workload

_NEAR = 1.5


def queue_bound(model: ReplicaModel, target_s: float, items: float = 1.0) -> int:
    """The requests that may wait, `items` of a batch each, so that the last is within `target_s`.

    Saturation throughput times (target - service time of a full batch), in whole batches: the one
    that joins finds a batch begun, at worst just now, and is answered with the last full one; the
    first of a batch more would come a batch too late. A full batch at least may always wait, or
    none would ever form.
    """
    full_s = model.curve.seconds(model.batch_cap)
    batches = math.floor(model.instances * (target_s - full_s) / full_s + 1e-9)
    return math.ceil(max(1, batches) * model.batch_cap / items)


def next_queue_size(
    spec: ModelDeployment, live: Workload, model: ReplicaModel, items: float, *, confirmed: bool
) -> int | None:
    """The bound to render for a replica like `model`; None where the user asked for none.

    `live`: the workload as it runs. `confirmed`: the model was learnt from serving.
    """
    most = spec.triton.max_queue_size
    if not most:
        return None
    ideal = min(queue_bound(model, spec.slo.target_s, items), most)
    if not live.replicas or live.batch_cap != model.batch_cap:
        return ideal
    # A new bound restarts every pod. One that is nearly right is right enough; and an operator that
    # restarted knows the profile alone, while serving had taught what is rendered.
    kept = kept_queue_size(spec, live)
    if kept is not None and not confirmed:
        return kept
    held = most if kept is None else kept
    return held if ideal / _NEAR <= held <= ideal * _NEAR else ideal


def kept_queue_size(spec: ModelDeployment, live: Workload) -> int | None:
    """The bound that is rendered already, as far as the user still allows it; None for the user's
    own."""
    most = spec.triton.max_queue_size
    return min(live.queue_size, most) if most and live.queue_size is not None else None
