"""The wire format of a ModelDeployment's status.

Written by the operator alone, so it is bounded but not spelled out: a refused status would hide
the very trouble it reports. Writers cut texts to the bounds here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trimtab.api.schema_variant import MAX_CLASSES, MAX_VARIANTS, Variant
from trimtab.api.wire import ListMap, Wire


def _a_time(text: str) -> str:
    """What the API server asks of the format date-time, as far as it is written here."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its zone")
    return text


MAX_WORKLOADS = MAX_VARIANTS * MAX_CLASSES
Short = Annotated[str, Field(max_length=64)]
Name = Annotated[str, Field(max_length=63)]
Sentence = Annotated[str, Field(max_length=1024)]
Time = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, max_length=64), AfterValidator(_a_time)
]
Count = Annotated[int, Field(ge=0)]


class Condition(Wire):
    """One observed property of the ModelDeployment."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Ready, Reconciling, Stalled, MetricsAvailable, SLOMet, WithinBudget,
    CompressionSucceeded or OutputsAgree."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Count | None = None
    """The generation it was concluded from."""
    last_transition_time: Time
    """When its status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """One CamelCase word: why."""
    message: Annotated[str, Field(max_length=32768)]
    """The same as a sentence."""


class VariantStatus(Wire):
    """Replicas of one variant on one class."""

    name: Name
    """The variant."""
    accelerator_class: Name
    """The class."""
    replicas: Count
    """Replicas asked for."""
    ready_replicas: Count = 0
    """Replicas that serve."""
    weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Share of the traffic, in percent."""


class LatencyStatus(Wire):
    """The latency promised, observed and predicted, at the SLO's percentile."""

    observed: Short | None = None
    """What was read, such as 41ms."""
    predicted: Short | None = None
    """What the latency model expects of the present decision."""
    target: Short | None = None
    """What was promised."""
    source: Short | None = None
    """Where the observed latency was read."""
    estimated: bool | None = None
    """True where it was computed: from means, or in a bucket that does not end at the target."""


class CostStatus(Wire):
    """What the replicas cost."""

    per_hour: Short | None = None
    """Cost of what exists for one hour, pods that leave included; absent where a price is
    unknown."""
    budget_per_hour: Short | None = None
    """The limit in force."""


class Wanted(Wire):
    """What load and SLO alone ask for, before any constraint."""

    variant: Name
    """The variant."""
    accelerator_class: Name
    """The class."""
    replicas: Count | None = None
    """Replicas; absent where unknown."""


class DecidedStatus(Wanted):
    """What should run of one variant on one class."""

    cost_per_hour: Short | None = None
    """What these replicas cost together."""
    accuracy: Short | None = None
    """Its accuracy."""
    weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Share of the traffic, in percent."""


class ConstraintStatus(Wire):
    """What one rule did to the wish."""

    name: Short
    """One CamelCase word."""
    effect: Sentence
    """What it did, as a sentence."""


class AlternativeStatus(Wire):
    """A choice that was not taken."""

    variant: Name
    """The variant."""
    accelerator_class: Name
    """The class."""
    replicas: Count | None = None
    """Replicas it would have needed."""
    cost_per_hour: Short | None = None
    """What it would have cost."""
    accuracy: Short | None = None
    """Its accuracy."""
    why_not: Sentence
    """Why it was not taken."""


class DecisionStatus(Wire):
    """The last decision, and what explains it."""

    time: Time | None = None
    """When it was taken."""
    action: Short | None = None
    """What it does, in one CamelCase word."""
    summary: Sentence | None = None
    """The decision as a sentence."""
    wanted: Wanted | None = None
    """What load and SLO alone ask for."""
    decided: Annotated[list[DecidedStatus], ListMap("variant", "accelerator_class")] | None = Field(
        default=None, max_length=MAX_WORKLOADS
    )
    """What should run, after every constraint."""
    demand_rate: Short | None = None
    """Requests per second it planned for."""
    # Atomic lists: one writer owns them whole, and the same name may well appear twice.
    constraints: list[ConstraintStatus] | None = Field(default=None, max_length=MAX_WORKLOADS)
    """What each rule did to the wish, in order."""
    binding: Short | None = None
    """The constraint that decided."""
    alternatives: list[AlternativeStatus] | None = Field(default=None, max_length=MAX_WORKLOADS)
    """The choices not taken."""
    gap: Short | None = None
    """By how much the plan may be dearer than the optimum at most."""
    next_change_allowed_at: Time | None = None
    """When the fleet may shrink next."""


class SummaryStatus(Wire):
    """What kubectl get prints and no JSONPath can compose."""

    latency: Short | None = None
    """The observed percentile, such as p99 41ms."""
    slo: Short | None = None
    """The promise, such as p99 50ms."""
    variants: Annotated[str, Field(max_length=512)] | None = None
    """The variants that run, such as int8."""
    replicas: Short | None = None
    """Ready of asked for, such as 3/4."""
    cost: Short | None = None
    """What it costs per hour, such as $2.40/h."""


class ResponseCacheStatus(Wire):
    """What Triton's response caches do for the model."""

    hit_share: Short | None = None
    """Share of the last minute's requests that they answered, such as 72 %."""


class CompressionStatus(Wire):
    """What came of spec.compression, and what of it may serve."""

    phase: Literal["Pending", "Running", "Succeeded", "Failed"]
    """How far the Job is that spec.compression asks for."""
    reason: Annotated[Short, Field(min_length=1)]
    """One CamelCase word: why."""
    message: Sentence
    """The same as a sentence."""
    source_hash: Short
    """Tells this spec.compression from others; the Job's name and the run's folder end with it."""
    # The very shape of spec.variants: built from checked parts, so its rules refuse nothing here.
    variants: Annotated[list[Variant], ListMap("name")] | None = Field(
        default=None, max_length=MAX_VARIANTS
    )
    """Variants of the last run that published some; they may serve beside the declared ones."""


class AgreementStatus(Wire):
    """How one variant on one class answered the sample."""

    variant: Name
    """The variant."""
    accelerator_class: Name
    """The class."""
    agreed: Count
    """Items on which it agreed with the reference."""
    items: Annotated[int, Field(ge=1)]
    """Items of the sample."""
    time: Time
    """When."""
    source_hash: Short
    """Tells what was asked (image, path, class) from others: another one is asked anew."""
    sample_hash: Short
    """Tells the sample from others."""
    pod_template: Short
    """The pod-template-hash of the pod that was asked."""


class OutputCheckStatus(Wire):
    """What came of spec.outputCheck."""

    workloads: Annotated[list[AgreementStatus], ListMap("variant", "accelerator_class")] = Field(
        max_length=MAX_WORKLOADS
    )
    """The newest answer of each variant on each class, also of those that run no more."""


class ModelDeploymentStatus(Wire):
    """What trimtab observed and decided."""

    observed_generation: Count | None = None
    """The generation the status describes."""
    conditions: Annotated[list[Condition], ListMap("type")] | None = Field(
        default=None, max_length=16
    )
    """Ready, Reconciling, Stalled, MetricsAvailable, SLOMet and WithinBudget; with
    spec.compression CompressionSucceeded too, with spec.outputCheck OutputsAgree."""
    replicas: Count | None = None
    """Replicas of all variants together."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """Label selector of the pods, for the scale subresource."""
    variants: Annotated[list[VariantStatus], ListMap("name", "accelerator_class")] | None = Field(
        default=None, max_length=MAX_WORKLOADS
    )
    """Replicas by variant and class."""
    latency: LatencyStatus | None = None
    """The latency promised, observed and predicted."""
    cost: CostStatus | None = None
    """What the replicas cost."""
    decision: DecisionStatus | None = None
    """The last decision, and what explains it."""
    summary: SummaryStatus | None = None
    """What kubectl get prints."""
    response_cache: ResponseCacheStatus | None = None
    """What the response caches do; absent where Triton tells of none."""
    compression: CompressionStatus | None = None
    """What came of spec.compression."""
    output_check: OutputCheckStatus | None = None
    """What came of spec.outputCheck."""
