"""What core's latency model says of a replica with these points."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.core.latency import ReplicaModel, ServiceCurve
from trimtab.profile.model import Model
from trimtab.profile.points import Point


def replica(model: Model, points: Sequence[Point], front_end_s: float = 0.0) -> ReplicaModel:
    """The model of one server; `front_end_s`: what each request takes beside its execution."""
    curve = ServiceCurve(tuple((p.batch, p.seconds.value) for p in points))
    return ReplicaModel(curve.with_front_end(front_end_s), model.instances, model.cap)


def front_end_s(model: Model, points: Sequence[Point], most: float) -> float:
    """Seconds a request takes beside its execution, as the capacity tells (requests/s).

    At saturation a full batch of B takes s(B) + B*f, and each instance answers B in that time.
    """
    return max(0.0, 1.0 / most - 1.0 / replica(model, points).saturation_rate) * model.instances
