"""What was decided, as data: targets to apply, and the reasons for them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import ObjectKey
from trimtab.core.snapshot import Backend, LatencyBucket, WorkloadKey

_NARROW = 0.9  # of the percentile, where its bucket begins


class Target(NamedTuple):
    """One workload as it should be.

    `batch_cap` is the largest batch Triton may form; `queue_delay_s` how long it may wait for one,
    None leaves it as the user has it. `queue_size`: how many requests may wait at a replica before
    it refuses more; None is the user's own bound. `queue_timeout_s`: how long a request may wait
    before it goes behind all that have not waited so long; None leaves every one its turn. `weight`
    is the share of traffic in percent. `may_surge`: a rollout may run one pod more than `replicas`
    for a while; money, inventory and nodes allow it.
    """

    key: WorkloadKey
    replicas: int
    batch_cap: int
    queue_delay_s: float | None = None
    weight: int = 100
    may_surge: bool = False
    queue_size: int | None = None
    queue_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one rule did to the wish. `name` is CamelCase, `effect` a sentence."""

    name: str
    effect: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """A choice that was not taken, what it would cost, and why not."""

    key: WorkloadKey
    replicas: int | None
    cost_per_hour: Decimal | None
    accuracy: Decimal
    why_not: str


class ConditionStatus(enum.StrEnum):
    """Kubernetes' three-valued condition status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(NamedTuple):
    """A condition as the core concludes it; who writes it adds times and generations."""

    type: str
    status: ConditionStatus
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Why the targets are what they are.

    wanted_replicas: what load and SLO alone ask for, before any constraint; None where unknown.
    demand_rate: requests per second planned for; None where unknown. next_change_allowed_at_s:
    when the fleet may shrink; None where nothing holds it. gap: the share by which the plan can be
    dearer than the optimum at most; None where no bound is known. shadow_price: money per hour that
    the plan would gain by one more of the shared limit that binds (a replica, or a unit of money);
    None where none binds.
    """

    time_s: float
    action: str
    summary: str
    wanted: WorkloadKey | None = None
    wanted_replicas: int | None = None
    demand_rate: float | None = None
    constraints: tuple[Constraint, ...] = ()
    binding: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    next_change_allowed_at_s: float | None = None
    gap: float | None = None
    shadow_price: float | None = None


class Latency(NamedTuple):
    """The SLO's percentile in seconds, as observed and as the model expects it; None unknown.

    `estimated` is True where `observed_s` was computed and not measured. bucket, note: as of
    ModelReadings.
    """

    observed_s: float | None = None
    predicted_s: float | None = None
    source: str = "None"
    estimated: bool = False
    bucket: LatencyBucket | None = None
    note: str = ""

    @property
    def tells_of_capacity(self) -> bool:
        """Whether service times may be read back from it: not from an estimate, and from a
        histogram only where the bucket is narrow: of 26 to 51 ms, 30 ms may be drawn as 50."""
        if self.observed_s is None or self.estimated:
            return False
        return self.bucket is None or self.bucket.low_s >= _NARROW * self.observed_s


UNREAD = Latency()


def how_read(source: str | None, estimated: bool) -> str:
    """Where an observed latency comes from, in words."""
    if estimated and source == "TritonCounters":
        return "estimated from means"
    return f"estimated from {source}" if estimated else f"by {source}"


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """The targets of one model and their reasons.

    `targets` holds every workload that should exist; one that is absent is to be removed once it
    has drained. `backends`: what a gateway's route should list, in this order. `act` is False where
    nothing may be written (Advise mode, or a foreign writer).
    `failure` is what kept this model from being decided on at all. `hit_share`: of the requests,
    what response caches answered (0 to 1); None where no cache tells.
    Costs are per hour; None where a price is unknown.
    """

    key: ObjectKey
    targets: tuple[Target, ...]
    decision: Decision
    conditions: tuple[Condition, ...] = ()
    latency: Latency = UNREAD
    cost_per_hour: Decimal | None = None
    budget_per_hour: Decimal | None = None
    act: bool = True
    failure: Exception | None = None
    hit_share: float | None = None
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision over the whole fleet. gap: as of Decision, over all models together."""

    time_s: float
    models: Mapping[ObjectKey, ModelPlan] = field(default_factory=dict)
    gap: float | None = None
