"""One model's pods at a moment: as the operator sees them, and as requests find them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.core.snapshot import Backend, Route, Workload, WorkloadKey
from trimtab.simulate.cluster import SimWorkload
from trimtab.simulate.readings import Rows
from trimtab.simulate.state import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What follows from the pods alone, until one of them changes.

    replicas: (asked for, Ready) by workload. existing: pods that hold a place and stay. routes:
    rows, and the share of the requests that each takes. route: a Gateway's, as the operator reads
    it; None behind a Service. cost_rate: dollars an hour.
    """

    workloads: tuple[Workload, ...]
    rows: Rows
    routes: tuple[Ints, Floats]
    route: Route | None
    replicas: dict[WorkloadKey, tuple[int, int]]
    existing: int
    cost_rate: float


def view_of(
    workloads: Sequence[SimWorkload], prices: Mapping[str, float], *, weighted: bool
) -> View:
    """`prices`: dollars an hour by class. `weighted`: a Gateway routes."""
    seen = tuple(w.seen() for w in workloads)
    held = [(w, p) for w in workloads for p in w.pods if p.scheduled_s is not None]
    return View(
        seen,
        _rows(workloads),
        _routes(workloads, weighted=weighted),
        _route(workloads) if weighted else None,
        {w.key: (w.replicas, w.ready) for w in seen},
        sum(p.removed_s is None for _, p in held),
        sum(prices[w.target.key.accelerator_class] for w, p in held if p.gone_s is None),
    )


def _route(workloads: Sequence[SimWorkload]) -> Route:
    weighted = [w.target for w in workloads if w.target.weight]
    return Route(tuple([Backend(t.key, t.weight) for t in weighted]))


def _rows(workloads: Sequence[SimWorkload]) -> Rows:
    rows: list[int] = []
    ready_s: list[float] = []
    parts: dict[WorkloadKey, slice] = {}
    for workload in workloads:
        first = len(rows)
        for pod in workload.pods:
            if pod.row is not None and pod.ready_at_s is not None:
                rows.append(pod.row)
                ready_s.append(pod.ready_at_s if pod.serves else math.inf)
        parts[workload.target.key] = slice(first, len(rows))
    return Rows(np.array(rows, np.int64), np.array(ready_s), parts)


def _routes(workloads: Sequence[SimWorkload], *, weighted: bool) -> tuple[Ints, Floats]:
    """Who takes what. A Service: every Ready pod alike. A Gateway: workloads by weight, and the
    pods of each alike; the share of one without a Ready pod is lost, as Gateway API has it."""
    rows: list[int] = []
    shares: list[float] = []
    for workload in workloads:
        ready = [p.row for p in workload.pods if p.row is not None and p.serves]
        weight = float(workload.target.weight if weighted else len(ready))
        rows += ready or [-1]
        shares += [weight / max(1, len(ready))] * max(1, len(ready))
    total = sum(shares)
    if total <= 0.0:
        return np.empty(0, np.int64), np.empty(0)
    return np.array(rows, np.int64), np.array(shares) / total
