"""All that a run found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.core.latency import ReplicaModel
from trimtab.profile import predict
from trimtab.profile.block import profile_block
from trimtab.profile.capacity import Capacity
from trimtab.profile.interval import Quantile
from trimtab.profile.loads import Load
from trimtab.profile.model import Model
from trimtab.profile.points import Point

PERCENTILES = (50.0, 99.0)


@dataclass(frozen=True, slots=True)
class Report:
    """`server`: its name and version. `notes`: what makes a figure doubtful, in words.

    `gauges`: the highest of Triton's gauges of the machine under load, by name.
    """

    server: str
    model: Model
    accelerator_class: str
    points: tuple[Point, ...]
    capacity: Capacity
    loads: tuple[Load, ...]
    notes: Sequence[str] = ()
    gauges: Sequence[tuple[str, float]] = ()

    @property
    def front_end_s(self) -> float:
        """What each request takes beside its execution."""
        return predict.front_end_s(self.model, self.points, self.capacity.rate)

    @property
    def replica(self) -> ReplicaModel:
        """Core's model of the server, front end and all."""
        return predict.replica(self.model, self.points, self.front_end_s)


def as_json(report: Report) -> dict[str, Any]:
    """For programs; times in milliseconds, null where nothing is known."""
    bare = predict.replica(report.model, report.points)
    return {
        "server": report.server,
        "model": report.model.name,
        "version": report.model.version,
        "maxBatchSize": report.model.max_batch,
        "instances": report.model.instances,
        "profile": profile_block(report.accelerator_class, report.points, report.front_end_s),
        "points": [
            {
                "batch": p.batch,
                "latencyMs": _interval(p.seconds),
                "executions": p.executions,
                "formedByTriton": p.is_formed,
            }
            for p in report.points
        ],
        "capacity": {
            "requestsPerSecond": report.capacity.rate,
            "offeredPerSecond": report.capacity.offered,
            "reached": report.capacity.is_reached,
            "frontEndMs": 1000.0 * report.front_end_s,
        },
        "loads": [
            {
                "share": load.share,
                "requestsPerSecond": load.rate,
                "requests": load.requests,
                "failed": load.failed,
                "clientLateMs": 1000.0 * load.lag_s,
                "outsideMs": 1000.0 * load.outside_s,
                "p50Ms": _interval(load.p50_s),
                "p99Ms": _interval(load.p99_s),
                "predictedP50Ms": _ms(report.replica.latency_s(load.rate, 50.0)),
                "predictedP99Ms": _ms(report.replica.latency_s(load.rate, 99.0)),
                "predictedP99MsWithoutFrontEnd": _ms(bare.latency_s(load.rate, 99.0)),
            }
            for load in report.loads
        ],
        "gauges": dict(report.gauges),
        "notes": list(report.notes),
    }


def _interval(told: Quantile) -> dict[str, float | None]:
    return {"value": _ms(told.value), "low": _ms(told.low), "high": _ms(told.high)}


def _ms(seconds: float) -> float | None:
    return 1000.0 * seconds if math.isfinite(seconds) else None
