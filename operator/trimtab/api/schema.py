"""The wire format of a ModelDeployment: the promise, and the variants that may keep it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.resources import Objective, RoutingType, ScalingMode
from trimtab.api.scalars import (
    ClassName,
    Fraction,
    Hostname,
    Latency,
    ModelName,
    Money,
    NamespaceName,
    ObjectName,
    Percentile,
    VariantName,
    Window,
)
from trimtab.api.schema_compression import Compression
from trimtab.api.schema_output_check import OutputCheck
from trimtab.api.schema_recipes import DEFAULT_RECIPES
from trimtab.api.schema_triton import TritonSettings
from trimtab.api.schema_variant import MAX_VARIANTS, Variant
from trimtab.api.wire import ListMap, ListSet, Rule, Wire

MAX_REPLICAS = 1000
DEFAULT_MIN_REPLICAS = 1
DEFAULT_MAX_REPLICAS = 10
MAX_HOSTNAMES = 16


class LatencySlo(Wire):
    """The latency promised to clients."""

    percentile: Percentile = Field(default="99", json_schema_extra={"default": 99})
    """Share of requests, in percent, that must meet the target: above 0 and below 100."""
    target: Latency
    """The promised time, such as 50ms."""


class Slo(Wire):
    """What is promised."""

    latency: LatencySlo
    """The latency promised to clients."""
    min_accuracy: Fraction | None = None
    """The accuracy floor: no variant below it is ever used."""


class Budget(Wire):
    """Money this ModelDeployment may cost."""

    per_hour: Money
    """The most its replicas may cost together in one hour."""


class LocalReference(Wire):
    """An object of the same namespace."""

    name: ObjectName
    """Name of the object."""


class ScaleDown(Wire):
    """How slowly the fleet shrinks."""

    stabilization: Window | None = None
    """A smaller fleet must have sufficed for this long; when absent, the measured time until a
    pod is Ready, between 30s and 300s."""


class ManualScale(Wire):
    """The user's own choice; kubectl scale writes its replicas."""

    variant: VariantName
    """The variant to serve; one of spec.variants."""
    accelerator_class: ClassName
    """The class to run on; one of the variant's acceleratorClasses."""
    replicas: int = Field(ge=0, le=MAX_REPLICAS)
    """Replicas to run."""


def _refused_in_manual(name: str, attribute: str) -> Rule:
    return Rule(
        cel=f"self.mode != 'Manual' || !has(self.{name})",
        message=f"{name} has no effect in mode Manual: remove it, or choose mode Auto or Advise",
        broken=lambda s: s.mode is ScalingMode.MANUAL and s.has(attribute),
        field=name,
    )


class Scaling(Wire):
    """Who decides about replicas, and within which bounds."""

    rules = (
        Rule(
            cel="self.mode != 'Manual' || has(self.manual)",
            message="scaling.manual is required in mode Manual: give variant, acceleratorClass "
            "and replicas",
            broken=lambda s: s.mode is ScalingMode.MANUAL and not s.has("manual"),
        ),
        Rule(
            cel="self.mode == 'Manual' || !has(self.manual)",
            message="scaling.manual has an effect only in mode Manual: remove it or set "
            "mode: Manual",
            broken=lambda s: s.mode is not ScalingMode.MANUAL and s.has("manual"),
            field="manual",
        ),
        _refused_in_manual("minReplicas", "min_replicas"),
        _refused_in_manual("maxReplicas", "max_replicas"),
        _refused_in_manual("scaleDown", "scale_down"),
        Rule(
            cel=f"(has(self.minReplicas) ? self.minReplicas : {DEFAULT_MIN_REPLICAS}) <= "
            f"(has(self.maxReplicas) ? self.maxReplicas : {DEFAULT_MAX_REPLICAS})",
            message="minReplicas is above maxReplicas "
            f"({DEFAULT_MAX_REPLICAS} when absent): lower minReplicas or raise maxReplicas",
            broken=lambda s: (
                (s.min_replicas or DEFAULT_MIN_REPLICAS) > (s.max_replicas or DEFAULT_MAX_REPLICAS)
            ),
            field="minReplicas",
        ),
    )

    mode: Annotated[ScalingMode, Field(strict=False)] = ScalingMode.AUTO
    """Auto decides and acts, Advise decides and reports, Manual does as scaling.manual says."""
    # Bounds have no schema default: one would be present, and so refused, in mode Manual.
    min_replicas: int | None = Field(default=None, ge=1, le=MAX_REPLICAS)
    """Fewest replicas; 1 when absent. Not in mode Manual."""
    max_replicas: int | None = Field(default=None, ge=1, le=MAX_REPLICAS)
    """Most replicas; 10 when absent. While one variant gives way to another, each may have so many.
    Not in mode Manual."""
    scale_down: ScaleDown | None = None
    """How slowly the fleet shrinks. Not in mode Manual."""
    manual: ManualScale | None = None
    """What to run. Only in mode Manual."""


class LatencySource(Wire):
    """Where the observed latency is read."""

    rules = (
        Rule(
            # Since 24.11 of decoupled models alone; of all only after 25.11 (server#8580).
            cel="self.type != 'TritonHistogram'",
            message="latencySource.type TritonHistogram is not supported, most releases of Triton "
            "have no histogram of a request that gets one answer: use Auto, GatewayHistogram, "
            "TritonSummary, TritonCounters or PromQL",
            broken=lambda s: s.type == "TritonHistogram",
            field="type",
        ),
        Rule(
            cel="self.type != 'PromQL' || has(self.query)",
            message="latencySource.query is required with type PromQL: give a query that returns "
            "one series, the latency in seconds",
            broken=lambda s: s.type == "PromQL" and not s.has("query"),
        ),
        Rule(
            cel="self.type == 'PromQL' || !has(self.query)",
            message="latencySource.query has an effect only with type PromQL: remove it or set "
            "type: PromQL",
            broken=lambda s: s.type != "PromQL" and s.has("query"),
            field="query",
        ),
    )

    type: Literal[
        "Auto", "TritonSummary", "TritonCounters", "PromQL", "GatewayHistogram", "TritonHistogram"
    ] = "Auto"
    """Auto takes the best that answers. TritonHistogram is not supported by this version."""
    query: str | None = Field(default=None, min_length=1, max_length=4096)
    """PromQL that returns one series, the latency in seconds. Only with type PromQL."""


class ParentReference(Wire):
    """The Gateway that routes to the model."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: NamespaceName | None = None
    """Namespace of the Gateway; the ModelDeployment's when absent."""
    section_name: ObjectName | None = None
    """One listener of the Gateway; all when absent."""


def _only_with_gateway(name: str, attribute: str) -> Rule:
    return Rule(
        cel=f"self.type == 'Gateway' || !has(self.{name})",
        message=f"routing.{name} has an effect only with type Gateway: remove it, or set "
        "type: Gateway",
        broken=lambda r: r.type is not RoutingType.GATEWAY and r.has(attribute),
        field=name,
    )


class Routing(Wire):
    """How requests reach the replicas."""

    rules = (
        Rule(
            cel="self.type != 'Gateway' || has(self.parentRef)",
            message="routing.parentRef is required with type Gateway: name the Gateway, such as "
            "parentRef: {name: edge}, or use type: Service",
            broken=lambda r: r.type is RoutingType.GATEWAY and not r.has("parent_ref"),
        ),
        _only_with_gateway("parentRef", "parent_ref"),
        _only_with_gateway("hostnames", "hostnames"),
    )

    type: Annotated[RoutingType, Field(strict=False)] = RoutingType.SERVICE
    """Service: one variant at a time. Gateway: an HTTPRoute, whose weights let variants mix."""
    parent_ref: ParentReference | None = None
    """The Gateway. Required with type Gateway, and only with it."""
    hostnames: Annotated[list[Hostname], ListSet()] | None = Field(
        default=None, min_length=1, max_length=MAX_HOSTNAMES
    )
    """Names clients call this model by; any, and no gRPC, when absent. Only with type Gateway."""


def accuracy_on(variant: Variant, accelerator_class: str) -> Decimal:
    """The profile's own accuracy on that class where it has one, else the variant's."""
    for profile in variant.profile or ():
        if profile.accelerator_class == accelerator_class and profile.accuracy is not None:
            return Decimal(profile.accuracy)
    return Decimal(variant.accuracy)


def _floor_above_all(spec: ModelDeploymentSpec) -> bool:
    if spec.slo.min_accuracy is None:
        return False
    floor = Decimal(spec.slo.min_accuracy)
    return all(accuracy_on(v, c) < floor for v in spec.variants for c in v.accelerator_classes)


def _too_many(spec: ModelDeploymentSpec) -> bool:
    if spec.compression is None:
        return False
    recipes = spec.compression.recipes
    asked = recipes.variants if recipes else None
    made = 1 + (DEFAULT_RECIPES if asked is None else len(asked))
    return len(spec.variants) + made > MAX_VARIANTS


def _chosen(spec: ModelDeploymentSpec) -> list[Variant]:
    manual = spec.scaling.manual
    return [v for v in spec.variants if manual is not None and v.name == manual.variant]


def _manual_class_wrong(spec: ModelDeploymentSpec) -> bool:
    manual = spec.scaling.manual
    return manual is not None and any(
        manual.accelerator_class not in v.accelerator_classes for v in _chosen(spec)
    )


def _manual_below_floor(spec: ModelDeploymentSpec) -> bool:
    manual, floor = spec.scaling.manual, spec.slo.min_accuracy
    if manual is None or floor is None:
        return False
    return any(accuracy_on(v, manual.accelerator_class) < Decimal(floor) for v in _chosen(spec))


def _meets_floor(accelerator_class: str) -> str:
    """CEL: variant v is accurate enough on that class; accuracy_on says the same."""
    own = f"p.acceleratorClass == {accelerator_class} && has(p.accuracy)"
    return (
        f"(has(v.profile) && v.profile.exists(p, {own}) "
        f"? v.profile.exists(p, {own} && double(p.accuracy) >= double(self.slo.minAccuracy)) "
        ": double(v.accuracy) >= double(self.slo.minAccuracy))"
    )


# double() errs on an accuracy that is badly spelled, which its own rule reports beside.
_SPEC_RULES = (
    Rule(
        cel="!has(self.slo.minAccuracy) || self.variants.exists(v, "
        f"v.acceleratorClasses.exists(c, {_meets_floor('c')}))",
        message="slo.minAccuracy is above every variant's accuracy: lower the floor or add a more "
        "accurate variant",
        broken=_floor_above_all,
        field="slo.minAccuracy",
    ),
    Rule(
        cel="self.objective != 'MaximizeAccuracy' || has(self.budget) || has(self.budgetRef)",
        message="objective MaximizeAccuracy needs a limit: give budget or budgetRef, or use "
        "MinimizeCost",
        broken=lambda s: (
            s.objective is Objective.MAXIMIZE_ACCURACY
            and not s.has("budget")
            and not s.has("budget_ref")
        ),
        field="objective",
    ),
    Rule(
        cel="self.scaling.mode != 'Manual' || self.objective == 'MinimizeCost'",
        message="objective MaximizeAccuracy has no effect in mode Manual: remove it, or choose "
        "mode Auto or Advise",
        broken=lambda s: (
            s.scaling.mode is ScalingMode.MANUAL and s.objective is not Objective.MINIMIZE_COST
        ),
        field="objective",
    ),
    Rule(
        cel="!has(self.scaling.manual) || "
        "self.variants.exists(v, v.name == self.scaling.manual.variant)",
        message="scaling.manual.variant is none of spec.variants: name one of them",
        broken=lambda s: s.scaling.manual is not None and not _chosen(s),
        field="scaling.manual.variant",
    ),
    Rule(
        cel="!has(self.scaling.manual) || "
        "self.variants.all(v, v.name != self.scaling.manual.variant || "
        "self.scaling.manual.acceleratorClass in v.acceleratorClasses)",
        message="scaling.manual.acceleratorClass is none of that variant's acceleratorClasses: "
        "name one of them",
        broken=_manual_class_wrong,
        field="scaling.manual.acceleratorClass",
    ),
    Rule(
        cel="!has(self.scaling.manual) || !has(self.slo.minAccuracy) || "
        "self.variants.all(v, v.name != self.scaling.manual.variant || "
        f"{_meets_floor('self.scaling.manual.acceleratorClass')})",
        message="scaling.manual chooses a variant below slo.minAccuracy: lower the floor or choose "
        "a more accurate variant",
        broken=_manual_below_floor,
        field="scaling.manual.variant",
    ),
    Rule(
        cel="!has(self.compression) || self.variants.size() + 1 + "
        "(has(self.compression.recipes) && has(self.compression.recipes.variants) "
        f"? self.compression.recipes.variants.size() : {DEFAULT_RECIPES}) <= {MAX_VARIANTS}",
        message=f"a model has at most {MAX_VARIANTS} variants, and compression may publish one for "
        f"each recipe ({DEFAULT_RECIPES} by default) and the baseline: declare fewer, or give "
        "fewer in compression.recipes.variants",
        broken=_too_many,
        field="compression",
    ),
    Rule(
        cel="!has(self.triton.responseCache) || self.latencySource.type != 'TritonSummary'",
        message="latencySource.type TritonSummary reads nothing while triton.responseCache is set, "
        "Triton then exports no summary of requests: use Auto, GatewayHistogram, TritonCounters or "
        "PromQL",
        broken=lambda s: (
            s.triton.has("response_cache") and s.latency_source.type == "TritonSummary"
        ),
        field="latencySource.type",
    ),
    Rule(
        cel="self.model == oldSelf.model",
        message="model cannot be changed, clients know it by this name: make a new ModelDeployment",
        broken=None,
        field="model",
    ),
)


class ModelDeploymentSpec(Wire):
    """The promise and the variants that may keep it."""

    rules = _SPEC_RULES

    model: ModelName
    """Triton's name of the model; every variant serves it under this name. Never changes."""
    objective: Annotated[Objective, Field(strict=False)] = Objective.MINIMIZE_COST
    """What to optimise once latency, accuracy floor and budget hold."""
    slo: Slo
    """What is promised."""
    budget: Budget | None = None
    """Money this ModelDeployment may cost."""
    budget_ref: LocalReference | None = None
    """An InferenceBudget of the same namespace, shared with others that name it."""
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    """Who keeps capacity when a shared limit binds: the higher."""
    scaling: Scaling = Field(default_factory=Scaling)
    """Who decides about replicas, and within which bounds."""
    latency_source: LatencySource = Field(default_factory=LatencySource)
    """Where the observed latency is read."""
    routing: Routing = Field(default_factory=Routing)
    """How requests reach the replicas."""
    triton: TritonSettings
    """How the model server runs."""
    variants: Annotated[list[Variant], ListMap("name")] = Field(
        min_length=1, max_length=MAX_VARIANTS
    )
    """The compressed forms of the model to choose from."""
    compression: Compression | None = None
    """Variants that a Job in the cluster makes, beside the declared ones."""
    output_check: OutputCheck | None = None
    """Whether what serves answers as the reference does; not checked when absent."""
