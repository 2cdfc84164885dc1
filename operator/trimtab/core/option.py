"""One way to serve a model, and what a replica of it carries."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from trimtab.core.latency import (
    ReplicaModel,
    ServiceCurve,
    best_batch_cap,
    capacity_rate,
    unbounded_capacity_rate,
)
from trimtab.core.memo import WORKLOADS_KEPT
from trimtab.core.queue_delay import delay_s
from trimtab.core.snapshot import ModelState, WorkloadKey


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve the model.

    capacity_rate: requests/s one replica carries within the SLO, with `meets_slo` False where none
    does and the figure is only a stable load; None where nothing is known of its speed.
    idle_latency_s: the latency of a single request; None where unknown. queue_delay_s: how long
    Triton should wait for a fuller batch; None where nothing speaks against what the user has.
    price_per_hour: of one replica; None where unknown. queue_size: how many requests may wait at a
    replica; None where the user's own bound stays. margin: by what factor the times of `model` are
    longer than what is believed. load_factor: how many times the load that now executes would
    execute here, where response caches are cold; capacity_rate is in the load that now executes.
    limit: where it would be higher by what was learnt, what keeps it: Profile, Seen or Backlog; see
    core/proven.py.
    """

    key: WorkloadKey
    accuracy: Decimal
    price_per_hour: Decimal | None
    batch_cap: int
    capacity_rate: float | None
    meets_slo: bool
    idle_latency_s: float | None = None
    model: ReplicaModel | None = None
    queue_delay_s: float | None = None
    queue_size: int | None = None
    margin: float = 1.0
    load_factor: float = 1.0
    limit: str = ""

    def with_load(self, factor: float) -> Option:
        """The option where `factor` times the load executes."""
        if factor == 1.0:
            return self
        rate = self.capacity_rate
        return replace(
            self, capacity_rate=None if rate is None else rate / factor, load_factor=factor
        )

    def needed(self, rate: float | None) -> int | None:
        """Replicas that carry `rate` requests/s; None where either is unknown."""
        if rate is None or self.capacity_rate is None:
            return None
        # 1e-9: a load of exactly n capacities needs n replicas, whatever the rounding.
        return max(0, math.ceil(rate / self.capacity_rate - 1e-9))

    def cost(self, replicas: int) -> Decimal | None:
        """Cost per hour of so many replicas; None where the price is unknown."""
        return None if self.price_per_hour is None else self.price_per_hour * replicas

    def latency_s(
        self, rate: float, replicas: int, percentile: float, scale: float = 1.0
    ) -> float | None:
        """The latency percentile expected of so many replicas at `rate` requests/s in all, with
        every service time multiplied by `scale`."""
        if self.model is None or replicas <= 0:
            return None
        return self.model.latency_s(self.load_factor * rate / replicas, percentile, scale)

    def late_share(self, rate: float, replicas: int, target_s: float) -> float | None:
        """The share of requests that so many replicas at `rate` requests/s in all answer later
        than `target_s`; None where nothing is known of its speed, 1 without a replica."""
        if replicas <= 0:
            return 1.0
        if self.model is None:
            return None
        return self.model.late_share(self.load_factor * rate / replicas, target_s)


def sized(
    state: ModelState,
    key: WorkloadKey,
    accuracy: Decimal,
    price_per_hour: Decimal | None,
    curve: ServiceCurve,
    margin: float,
    front_end_s: float,
    bursts: float,
    *,
    fixed: bool,
) -> Option:
    """The option that such a curve makes of a workload, its times `margin` times longer. bursts:
    the burstiness of what arrives at a replica. fixed: Triton's cap is the manifest's."""
    spec = state.spec
    return _sized(
        key,
        accuracy,
        price_per_hour,
        curve,
        round(margin, 2),
        max(0.0, round(front_end_s, 5)),
        spec.triton.instance_count,
        spec.triton.max_batch_size,
        spec.slo.target_s,
        spec.slo.percentile,
        spec.triton.max_batch_size if fixed else state.workload(key).batch_cap,
        fixed,
        bursts,
    )


@lru_cache(maxsize=WORKLOADS_KEPT)
def _sized(
    key: WorkloadKey,
    accuracy: Decimal,
    price_per_hour: Decimal | None,
    curve: ServiceCurve,
    margin: float,
    front_end_s: float,
    instances: int,
    max_batch: int,
    target_s: float,
    percentile: float,
    live_cap: int | None,
    fixed: bool,
    bursts: float,
) -> Option:
    """The option with the batch cap that suits it, and what it then carries.

    The cap is that of steady arrivals: one that followed the burstiness of the minute would restart
    every pod in a burst.
    """
    curve = curve.scaled(margin).with_front_end(front_end_s)
    cap, capacity = best_batch_cap(
        curve,
        instances=instances,
        max_batch=max_batch,
        target_s=target_s,
        percentile=percentile,
        live_cap=live_cap,
        fixed=fixed,
    )
    model = ReplicaModel(curve, instances, cap, bursts)
    if bursts > 1.0:
        capacity = capacity_rate(model, target_s, percentile)
    return Option(
        key=key,
        accuracy=accuracy,
        price_per_hour=price_per_hour,
        batch_cap=cap,
        capacity_rate=capacity or unbounded_capacity_rate(model),
        meets_slo=capacity > 0.0,
        idle_latency_s=curve.seconds(1),
        model=model,
        queue_delay_s=delay_s(instances, fixed=fixed),
        margin=margin,
    )
