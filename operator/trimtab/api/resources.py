"""The custom resources as the rest of trimtab sees them: frozen, defaulted, in base units.

Times are seconds as float, money is Decimal per hour, accuracies are Decimal in [0, 1].
`trimtab.api.parse` makes these from what the API server holds; nothing else should.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

GROUP = "trimtab.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class ObjectKey(NamedTuple):
    """Namespace and name of a namespaced object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Objective(enum.StrEnum):
    """What the plan optimises once SLO, floor and budget hold."""

    MINIMIZE_COST = "MinimizeCost"
    MAXIMIZE_ACCURACY = "MaximizeAccuracy"


class ScalingMode(enum.StrEnum):
    """Who decides: trimtab, trimtab without acting, or the user."""

    AUTO = "Auto"
    ADVISE = "Advise"
    MANUAL = "Manual"


class LatencySourceType(enum.StrEnum):
    """Where the observed latency percentile is read."""

    AUTO = "Auto"
    TRITON_SUMMARY = "TritonSummary"
    TRITON_COUNTERS = "TritonCounters"
    GATEWAY_HISTOGRAM = "GatewayHistogram"
    PROM_QL = "PromQL"


class RoutingType(enum.StrEnum):
    """How requests reach the replicas: evenly over all pods, or by weights per variant.

    SERVICE: one variant at a time outside transitions. GATEWAY: variants may share the traffic.
    """

    SERVICE = "Service"
    GATEWAY = "Gateway"


@dataclass(frozen=True, slots=True)
class Toleration:
    """A pod toleration, verbatim."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AcceleratorClass:
    """What one replica runs on, and what it costs.

    `price_per_hour` is None when no price was given: unknown is not free, so nothing grows on it.
    `max_replicas` None means: as many as the nodes hold. `memory_bytes` None means: not limited.
    """

    name: str
    resources: tuple[tuple[str, str], ...]
    price_per_hour: Decimal | None
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    max_replicas: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class InferenceBudget:
    """Money shared by the ModelDeployments of its namespace that name it."""

    key: ObjectKey
    per_hour: Decimal


@dataclass(frozen=True, slots=True)
class LatencySlo:
    """`percentile` in (0, 100), for instance 99; `target_s` in seconds."""

    percentile: float
    target_s: float


@dataclass(frozen=True, slots=True)
class ManualScale:
    """The user's own choice in Manual mode; `replicas` is what the scale subresource writes."""

    variant: str
    accelerator_class: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """Bounds and pace of scaling.

    `scale_down_stabilization_s` None: derived from the measured time to Ready.
    """

    mode: ScalingMode = ScalingMode.AUTO
    min_replicas: int = 1
    max_replicas: int = 10
    scale_down_stabilization_s: float | None = None
    manual: ManualScale | None = None


@dataclass(frozen=True, slots=True)
class LatencySource:
    """`query` is set for PromQL alone: it must return one series, the latency in seconds."""

    type: LatencySourceType = LatencySourceType.AUTO
    query: str | None = None


@dataclass(frozen=True, slots=True)
class ParentRef:
    """The Gateway that routes; `section_name` None means all of its listeners."""

    namespace: str
    name: str
    section_name: str | None = None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Routing:
    """How requests reach the replicas. `parent` and `hostnames` are of GATEWAY alone."""

    type: RoutingType = RoutingType.SERVICE
    parent: ParentRef | None = None
    hostnames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """How the model server runs.

    `max_batch_size` is an upper bound: the plan picks the cap the SLO allows. `max_queue_size` is
    one likewise, and 0 means unbounded. With a UriSource they are the cap and the bound themselves.
    `late_last`: requests that are late anyway go behind those that can still be in time.
    `cache_bytes`: of each replica's response cache; None without one.
    """

    image: str
    max_batch_size: int = 1
    max_queue_size: int = 0
    late_last: bool = False
    instance_count: int = 1
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    extra_args: tuple[str, ...] = ()
    cache_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An OCI image mounted as a volume; `path` inside it is the model repository's root."""

    reference: str
    path: str = ""
    pull_policy: str | None = None


@dataclass(frozen=True, slots=True)
class PvcSource:
    """A PersistentVolumeClaim of the same namespace, mounted read-only."""

    claim_name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class UriSource:
    """s3://, gs:// or as://; Triton reads it itself, with the secret's keys as environment."""

    uri: str
    secret_name: str | None = None


@dataclass(frozen=True, slots=True)
class HostPathSource:
    """A folder of the node; only where the install allows it."""

    path: str


ModelSource = ImageSource | PvcSource | UriSource | HostPathSource


class ProfilePoint(NamedTuple):
    """Median time one instance takes for a batch of this size."""

    batch: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A seed for the latency model of a variant on a class; points sorted by batch size.

    `accuracy` is set where the variant scores differently on that hardware. `front_end_s`: seconds
    that each request takes beside its execution.
    """

    accelerator_class: str
    points: tuple[ProfilePoint, ...]
    accuracy: Decimal | None = None
    front_end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Variant:
    """One compressed form of the model."""

    name: str
    accuracy: Decimal
    source: ModelSource
    accelerator_classes: tuple[str, ...]
    profiles: tuple[Profile, ...] = ()

    def profile_on(self, accelerator_class: str) -> Profile | None:
        """The seed for that class, if one was given."""
        for profile in self.profiles:
            if profile.accelerator_class == accelerator_class:
                return profile
        return None

    def accuracy_on(self, accelerator_class: str) -> Decimal:
        """Accuracy on that class: the profile's own figure where it has one."""
        profile = self.profile_on(accelerator_class)
        if profile is not None and profile.accuracy is not None:
            return profile.accuracy
        return self.accuracy


@dataclass(frozen=True, slots=True)
class Compression:
    """Variants that a Job makes. `model`: path of MODEL.py in the source. `recipes`: JSON as the
    user gave it, without what is a default. `serve_on`: classes of what it publishes, never empty.
    """

    source: ModelSource
    model: str
    accelerator_class: str
    output: PvcSource
    serve_on: tuple[str, ...]
    workers: int = 1
    recipes: str = "{}"
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """What serves is asked a sample, and must agree with the reference on that share of it.

    `config_map` and its `key` hold the sample. `interval_s`: how long until it is asked again.
    """

    config_map: str
    key: str
    min_agreement: Decimal
    interval_s: float


@dataclass(frozen=True, slots=True)
class ModelDeployment:
    """The promise (SLO, floor, budget) and the variants that may keep it."""

    key: ObjectKey
    uid: str
    generation: int
    model: str
    slo: LatencySlo
    triton: TritonSettings
    variants: tuple[Variant, ...]
    objective: Objective = Objective.MINIMIZE_COST
    min_accuracy: Decimal = Decimal(0)
    budget_per_hour: Decimal | None = None
    budget_ref: str | None = None
    priority: int = 0
    scaling: Scaling = field(default_factory=Scaling)
    latency_source: LatencySource = field(default_factory=LatencySource)
    routing: Routing = field(default_factory=Routing)
    compression: Compression | None = None
    output_check: OutputCheck | None = None

    def variant(self, name: str) -> Variant | None:
        """The variant of that name, if there is one."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        return None


class InvalidResource(ValueError):  # noqa: N818 - it names the state of the resource
    """An object the API server let in but trimtab cannot act on.

    `problems` are sentences that each name the field, the value and the mend.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


RawObject = Mapping[str, Any]
