"""From what the API server or a file holds to the frozen resources, or to sentences about why not.

The same rules as in the CRDs are held again here: the CRD may be older than this version.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TypeVar

from pydantic import ValidationError

from trimtab.api import (
    quantities,
    resources,
    schema,
    schema_class,
    schema_compression,
    schema_output_check,
    schema_root,
    schema_triton,
    schema_variant,
)
from trimtab.api.problems import describe, without_nulls
from trimtab.api.quantity import parse_quantity
from trimtab.api.resources import InvalidResource, ObjectKey, RawObject
from trimtab.api.wire import Wire

_Root = TypeVar("_Root", bound=Wire)


def parse_model_deployment(obj: RawObject) -> resources.ModelDeployment:
    """The ModelDeployment in the object; InvalidResource names all that is wrong with it."""
    root = _validated(schema_root.ModelDeploymentResource, obj)
    spec = root.spec
    return resources.ModelDeployment(
        key=ObjectKey(root.metadata.namespace, root.metadata.name),
        uid=root.metadata.uid,
        generation=root.metadata.generation,
        model=spec.model,
        slo=resources.LatencySlo(
            percentile=quantities.parse_percentile(spec.slo.latency.percentile),
            target_s=quantities.parse_duration(spec.slo.latency.target),
        ),
        triton=_triton(spec.triton),
        variants=tuple(variant_of(v) for v in spec.variants),
        objective=spec.objective,
        min_accuracy=_fraction(spec.slo.min_accuracy) or Decimal(0),
        budget_per_hour=_money(spec.budget.per_hour if spec.budget else None),
        budget_ref=spec.budget_ref.name if spec.budget_ref else None,
        priority=spec.priority,
        scaling=_scaling(spec.scaling),
        latency_source=resources.LatencySource(
            type=resources.LatencySourceType(spec.latency_source.type),
            query=spec.latency_source.query,
        ),
        routing=_routing(spec.routing, root.metadata.namespace),
        compression=_compression(spec.compression),
        output_check=_output_check(spec.output_check),
    )


def parse_accelerator_class(obj: RawObject) -> resources.AcceleratorClass:
    """The AcceleratorClass in the object; InvalidResource names all that is wrong with it."""
    root = _validated(schema_root.AcceleratorClassResource, obj)
    spec = root.spec
    return resources.AcceleratorClass(
        name=root.metadata.name,
        resources=tuple(sorted(spec.resources.items())),
        price_per_hour=_money(spec.price_per_hour),
        node_selector=tuple(sorted((spec.node_selector or {}).items())),
        tolerations=tuple(_toleration(t) for t in spec.tolerations or ()),
        max_replicas=spec.max_replicas,
        memory_bytes=_bytes(spec.resources.get("memory")),
    )


def parse_inference_budget(obj: RawObject) -> resources.InferenceBudget:
    """The InferenceBudget in the object; InvalidResource names all that is wrong with it."""
    root = _validated(schema_root.InferenceBudgetResource, obj)
    return resources.InferenceBudget(
        key=ObjectKey(root.metadata.namespace, root.metadata.name),
        per_hour=quantities.parse_money(root.spec.per_hour),
    )


def _validated(model: type[_Root], obj: RawObject) -> _Root:
    try:
        # by_name=False: Python spellings such as min_accuracy are for writing a status alone.
        return model.model_validate(without_nulls(obj), by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidResource(tuple(describe(error, obj))) from None


def _money(text: str | None) -> Decimal | None:
    return None if text is None else quantities.parse_money(text)


def _bytes(text: str | None) -> int | None:
    return None if text is None else int(parse_quantity(text))


def _fraction(text: str | None) -> Decimal | None:
    return None if text is None else quantities.parse_fraction(text)


def _scaling(scaling: schema.Scaling) -> resources.Scaling:
    down = scaling.scale_down
    stabilization = down.stabilization if down is not None else None
    return resources.Scaling(
        mode=scaling.mode,
        min_replicas=scaling.min_replicas or schema.DEFAULT_MIN_REPLICAS,
        max_replicas=scaling.max_replicas or schema.DEFAULT_MAX_REPLICAS,
        scale_down_stabilization_s=(
            None if stabilization is None else quantities.parse_duration(stabilization)
        ),
        manual=_manual(scaling.manual),
    )


def _routing(routing: schema.Routing, namespace: str) -> resources.Routing:
    parent = routing.parent_ref
    if parent is None:
        return resources.Routing(routing.type)
    return resources.Routing(
        routing.type,
        resources.ParentRef(parent.namespace or namespace, parent.name, parent.section_name),
        tuple(routing.hostnames or ()),
    )


def _manual(manual: schema.ManualScale | None) -> resources.ManualScale | None:
    if manual is None:
        return None
    return resources.ManualScale(manual.variant, manual.accelerator_class, manual.replicas)


def _triton(triton: schema_triton.TritonSettings) -> resources.TritonSettings:
    batching = triton.dynamic_batching
    return resources.TritonSettings(
        image=triton.image,
        max_batch_size=batching.max_batch_size if batching else 1,
        max_queue_size=batching.max_queue_size if batching else 0,
        late_last=batching is not None and batching.late_requests == "Last",
        instance_count=triton.instance_count,
        image_pull_policy=triton.image_pull_policy,
        image_pull_secrets=tuple(s.name for s in triton.image_pull_secrets or ()),
        extra_args=tuple(triton.extra_args or ()),
        cache_bytes=_bytes(triton.response_cache.size if triton.response_cache else None),
    )


def _compression(
    compression: schema_compression.Compression | None,
) -> resources.Compression | None:
    if compression is None:
        return None
    recipes = compression.recipes
    # Without defaults: one that a later version adds must not look like a change of the user's.
    given = recipes.model_dump(exclude_defaults=True, exclude_none=True) if recipes else {}
    return resources.Compression(
        source=_source(compression.source),
        model=compression.model,
        accelerator_class=compression.accelerator_class,
        output=resources.PvcSource(compression.output.claim_name, compression.output.path or ""),
        serve_on=tuple(compression.serve_on or (compression.accelerator_class,)),
        workers=compression.workers,
        recipes=json.dumps(given, sort_keys=True, separators=(",", ":")),
        attempt=compression.attempt,
    )


def _output_check(check: schema_output_check.OutputCheck | None) -> resources.OutputCheck | None:
    if check is None:
        return None
    return resources.OutputCheck(
        config_map=check.sample.config_map.name,
        key=check.sample.config_map.key,
        min_agreement=quantities.parse_fraction(check.min_agreement),
        interval_s=quantities.parse_duration(check.interval),
    )


def variant_of(variant: schema_variant.Variant) -> resources.Variant:
    """The variant as the rest of trimtab sees it."""
    return resources.Variant(
        name=variant.name,
        accuracy=quantities.parse_fraction(variant.accuracy),
        source=_source(variant.source),
        accelerator_classes=tuple(variant.accelerator_classes),
        profiles=tuple(_profile(p) for p in variant.profile or ()),
    )


def _profile(profile: schema_variant.Profile) -> resources.Profile:
    points = (
        resources.ProfilePoint(p.batch, quantities.parse_duration(p.latency))
        for p in profile.points
    )
    return resources.Profile(
        accelerator_class=profile.accelerator_class,
        points=tuple(sorted(points, key=lambda point: point.batch)),
        accuracy=_fraction(profile.accuracy),
        front_end_s=quantities.parse_duration(profile.front_end) if profile.front_end else 0.0,
    )


def _source(
    source: schema_variant.Source | schema_compression.CompressionSource,
) -> resources.ModelSource:
    if source.image is not None:
        image = source.image
        return resources.ImageSource(image.reference, image.path or "", image.pull_policy)
    if source.persistent_volume_claim is not None:
        claim = source.persistent_volume_claim
        return resources.PvcSource(claim.claim_name, claim.path or "")
    if source.host_path is not None:
        return resources.HostPathSource(source.host_path.path)
    if isinstance(source, schema_variant.Source) and source.uri is not None:
        secret = source.secret_ref
        return resources.UriSource(source.uri, secret.name if secret else None)
    raise AssertionError("the rules of a source let exactly one kind through")


def _toleration(toleration: schema_class.Toleration) -> resources.Toleration:
    return resources.Toleration(
        key=toleration.key,
        operator=toleration.operator,
        value=toleration.value,
        effect=toleration.effect,
        toleration_seconds=toleration.toleration_seconds,
    )
