"""Everything one decision sees: the resources, the cluster's state and the readings.

A snapshot is data. Who reads it from Kubernetes and Prometheus is `observe`; tests make their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from trimtab.api.resources import AcceleratorClass, InferenceBudget, ModelDeployment, ObjectKey
from trimtab.core.response_cache import executing_rate
from trimtab.core.signals import Missing, Reading, value_or_none

NOT_READ = Missing("NotRead", "No reading was attempted yet.")


class WorkloadKey(NamedTuple):
    """A (variant, accelerator class) of one model: one child Deployment.

    A tuple, and no dataclass: a decision looks keys up by the thousand.
    """

    variant: str
    accelerator_class: str

    def __str__(self) -> str:
        return f"{self.variant} on {self.accelerator_class}"


@dataclass(frozen=True, slots=True)
class Pod:
    """One Triton pod. Times are seconds since the epoch.

    `ready_s` is when it became Ready the last time, None while it is not. `terminating` pods still
    hold their accelerator. `unschedulable` pods wait for one. `waiting_reason` is why a container
    does not run, in the kubelet's word; `last_words` is what one said that prepares it and failed.
    """

    name: str
    created_s: float
    ready_s: float | None
    terminating: bool = False
    unschedulable: bool = False
    waiting_reason: str | None = None
    last_words: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """What the cluster holds of one child Deployment.

    `replicas` is its spec.replicas as it stands. `pods` are all of its pods. `batch_cap` is the
    batch cap of its rendered config, None where it was never rendered; `queue_size` likewise is the
    queue bound, None where it is the user's own. `foreign_scaler` names an HPA or ScaledObject that
    also writes its replicas. `fingerprint` tells what its pods run from others (see
    core.agreement); None while a rollout runs, or where the model is not checked. `refused` is why
    the API server lets it have no more pods, None where it does.

    `ready`: pods that serve now. `terminating`: on their way out, they still hold their
    accelerator. `unschedulable`: pods that no node has room for.
    """

    key: WorkloadKey
    replicas: int
    pods: tuple[Pod, ...] = ()
    batch_cap: int | None = None
    foreign_scaler: str | None = None
    queue_size: int | None = None
    fingerprint: str | None = None
    refused: str | None = None
    # Counted once: a decision asks some forty times, and a workload mostly stays as it was.
    ready: int = field(init=False, compare=False, repr=False)
    terminating: int = field(init=False, compare=False, repr=False)
    unschedulable: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        going = [p for p in self.pods if p.terminating]
        staying = [p for p in self.pods if not p.terminating]
        object.__setattr__(self, "ready", sum(p.ready_s is not None for p in staying))
        object.__setattr__(self, "terminating", len(going))
        object.__setattr__(self, "unschedulable", sum(p.unschedulable for p in staying))

    @property
    def alive(self) -> int:
        """Pods that are not on their way out."""
        return len(self.pods) - self.terminating

    @property
    def held(self) -> int:
        """Replicas that cost and hold accelerators: those asked for and those still leaving."""
        return max(self.replicas, self.alive) + self.terminating


class Backlog(NamedTuple):
    """A pod whose queue did not empty over the short window.

    executed_rate: requests per second that it answered by executing them, which is all that it can.
    pending: the fewest that waited, as the trend of its queue has it.
    """

    executed_rate: float
    pending: float


@dataclass(frozen=True, slots=True)
class WorkloadReadings:
    """Triton's counters of one workload, over its live pods.

    rate: answered requests per second; batch_rate: model executions per second;
    service_time: mean seconds of one execution (compute input + infer + output);
    batch_size: mean items per execution; queue_time: mean seconds that a request which executes
    waited in Triton's queue; latency: the SLO's percentile, maximum over pods, where summaries are
    on; hit_rate: requests per second answered from response caches; backlogs: of its pods, those
    that have one.
    """

    key: WorkloadKey
    rate: Reading = NOT_READ
    batch_rate: Reading = NOT_READ
    service_time_s: Reading = NOT_READ
    batch_size: Reading = NOT_READ
    queue_time_s: Reading = NOT_READ
    latency_s: Reading = NOT_READ
    hit_rate: Reading = NOT_READ
    backlogs: tuple[Backlog, ...] = ()


@dataclass(frozen=True, slots=True)
class LatencyBucket:
    """What a histogram tells beside the percentile that is drawn into it.

    low_s: where the bucket begins that holds the percentile, in seconds. late_share: of the
    requests, what took longer than the target (0 to 1); None where no bucket ends there.
    """

    low_s: float
    late_share: float | None


class CountedLoad(NamedTuple):
    """What the pods that could be asked themselves counted, while the arrival rate is missing: so
    much arrives at least.

    rate, rate_fast: requests per second that arrive and are not left to response caches, over up to
    the long and over the short window; pending: requests that wait now; items: items per request.
    """

    rate: float
    rate_fast: float
    pending: float = 0.0
    items: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelReadings:
    """The readings of one model, over all of its live pods.

    arrival_rate: requests per second that arrive (answered + failed + growth of the backlog),
    over the long window; arrival_rate_fast: the same over the short window;
    pending: requests that wait in the servers now; items_per_request: what one request that
    executes asks of a batch, for most clients 1; failure_rate: failed requests per second;
    hit_rate, hit_rate_fast: requests per second answered from response caches, over both windows;
    latency: the SLO's percentile in seconds; `latency_source` names where it comes from,
    `latency_estimated` is True where it was computed and not measured, `latency_bucket` is of a
    histogram, and `latency_note` is a sentence on how far to trust it, or empty.
    counted: None where nobody was asked.
    """

    arrival_rate: Reading = NOT_READ
    arrival_rate_fast: Reading = NOT_READ
    pending: Reading = NOT_READ
    failure_rate: Reading = NOT_READ
    items_per_request: Reading = NOT_READ
    latency_s: Reading = NOT_READ
    latency_source: str = "None"
    latency_estimated: bool = False
    workloads: tuple[WorkloadReadings, ...] = ()
    hit_rate: Reading = NOT_READ
    hit_rate_fast: Reading = NOT_READ
    latency_bucket: LatencyBucket | None = None
    latency_note: str = ""
    counted: CountedLoad | None = None

    @property
    def executing_rate(self) -> float | None:
        """Requests per second that arrive and are not left to response caches, over the long
        window; None where unknown."""
        return executing_rate(self.arrival_rate, self.hit_rate)

    @property
    def executing_rate_fast(self) -> float | None:
        """The same over the short window."""
        return executing_rate(self.arrival_rate_fast, self.hit_rate_fast)

    @property
    def hit_share(self) -> float | None:
        """The share of the requests (0 to 1) that response caches answer, over the long window;
        None where no cache tells."""
        rate, hits = value_or_none(self.arrival_rate), value_or_none(self.hit_rate)
        return min(1.0, hits / rate) if rate and hits is not None else None

    @property
    def items_rate(self) -> float | None:
        """Items per second of the requests that execute, over the long window; None where
        unknown."""
        rate = self.executing_rate
        return None if rate is None else rate * self.items

    @property
    def items(self) -> float:
        """Items per request; 1 where that is not known, as it is for most clients."""
        return max(1.0, value_or_none(self.items_per_request) or 1.0)

    @property
    def failed_share(self) -> float:
        """The share of the requests (0 to 1) that are refused or fail; 0 where it is not known."""
        rate, failed = value_or_none(self.arrival_rate), value_or_none(self.failure_rate)
        return min(1.0, failed / rate) if rate and failed else 0.0

    def workload(self, key: WorkloadKey) -> WorkloadReadings:
        """The readings of that workload; all NOT_READ where there are none."""
        for readings in self.workloads:
            if readings.key == key:
                return readings
        return WorkloadReadings(key)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a workload's answers agreed with the reference's: on `agreed` of `items`, at `at_s`
    (seconds since the epoch).

    `fingerprint`: what was asked, as of Workload. `sample`: tells the sample from others.
    `template`: of which pod template the pod was that answered.
    """

    key: WorkloadKey
    agreed: int
    items: int
    at_s: float
    fingerprint: str
    sample: str
    template: str


class NoAnswer(NamedTuple):
    """Why a workload could not be asked: one CamelCase word, and a sentence with the mend."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a model's answers.

    agreements: the newest of each workload. unanswered: what kept the last try from an answer.
    unasked: Ready workloads whose first try is still to come.
    """

    agreements: tuple[Agreement, ...] = ()
    unanswered: Mapping[WorkloadKey, NoAnswer] = field(default_factory=dict)
    unasked: frozenset[WorkloadKey] = frozenset()


class Backend(NamedTuple):
    """One place in a route's list: whose pods it sends requests to, and its weight."""

    key: WorkloadKey
    weight: int


class RouteTrouble(NamedTuple):
    """Why no request comes through a gateway: one CamelCase word, and a sentence with the mend.

    `lasting`: it will not pass by itself.
    """

    reason: str
    message: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """The route of a model behind a gateway, as the cluster has it; empty where there is none.

    `taken`: the gateway's controller has seen it as it stands, or none has ever seen it.
    """

    backends: tuple[Backend, ...] = ()
    taken: bool = True
    trouble: RouteTrouble | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """One ModelDeployment as it is declared, as it runs and as it is measured.

    `route`: behind a gateway; None behind a Service, and where nobody writes routes.
    """

    spec: ModelDeployment
    workloads: tuple[Workload, ...] = ()
    readings: ModelReadings = field(default_factory=ModelReadings)
    checked: Checked = Checked()
    route: Route | None = None

    @property
    def alone(self) -> Workload | None:
        """The one workload with Ready pods; None where several have some, or none has."""
        serving = [w for w in self.workloads if w.ready]
        return serving[0] if len(serving) == 1 else None

    def workload(self, key: WorkloadKey) -> Workload:
        """What the cluster holds for that key; an empty workload where there is none."""
        for workload in self.workloads:
            if workload.key == key:
                return workload
        return _none_of(key)


@lru_cache(maxsize=4096)
def _none_of(key: WorkloadKey) -> Workload:
    return Workload(key, replicas=0)


@dataclass(frozen=True, slots=True)
class Holding:
    """What exists of a model that is not decided on: its resource cannot be read, or is being
    deleted. Nothing is done to it, but it costs and holds accelerators.

    `budget` is the shared budget it names, as far as that can be told.
    """

    budget: ObjectKey | None
    workloads: tuple[Workload, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole fleet at one time.

    `schedulable` is how many MORE replicas of a class the nodes can hold now, by class name; a
    class that is absent was not counted, and nothing is known of it. `unanswered_s`: when (epoch)
    the API server last gave no answer; None where it always did.
    """

    models: tuple[ModelState, ...]
    accelerator_classes: Mapping[str, AcceleratorClass] = field(default_factory=dict)
    budgets: Mapping[ObjectKey, InferenceBudget] = field(default_factory=dict)
    schedulable: Mapping[str, int] = field(default_factory=dict)
    holdings: tuple[Holding, ...] = ()
    unanswered_s: float | None = None
