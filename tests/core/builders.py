"""Resources for the stories: models, variants, classes, budgets and loads, in a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from trimtab.api.resources import (
    AcceleratorClass,
    ImageSource,
    InferenceBudget,
    LatencySlo,
    ModelDeployment,
    ObjectKey,
    Profile,
    ProfilePoint,
    Scaling,
    TritonSettings,
    Variant,
)
from trimtab.core.snapshot import Pod, WorkloadKey

NAMESPACE = "shop"
INT8 = WorkloadKey("int8", "cpu")
FP32 = WorkloadKey("fp32", "cpu")

Load = Callable[[float], float]


def variant(
    name: str,
    accuracy: str,
    service_ms: float,
    *classes: str,
    batch_ms: Mapping[int, float] | None = None,
    front_end_ms: float = 0.0,
) -> Variant:
    """A variant that takes `service_ms` for one request, `batch_ms` for larger batches, and
    `front_end_ms` beside each."""
    points = {1: service_ms, **(batch_ms or {})}
    profile = tuple(ProfilePoint(b, s / 1000.0) for b, s in sorted(points.items()))
    on = classes or ("cpu",)
    profiles = tuple(Profile(c, profile, front_end_s=front_end_ms / 1000.0) for c in on)
    return Variant(name, Decimal(accuracy), ImageSource("r"), on, profiles)


def accelerator(
    name: str = "cpu", price: str | None = "0.10", most: int | None = None
) -> AcceleratorClass:
    """A class that costs `price` an hour; None is unknown."""
    return AcceleratorClass(
        name, (("cpu", "1"),), None if price is None else Decimal(price), max_replicas=most
    )


def budget(per_hour: str, name: str = "shared") -> InferenceBudget:
    """Money shared by the models that name it."""
    return InferenceBudget(ObjectKey(NAMESPACE, name), Decimal(per_hour))


def deployment(
    name: str = "digits",
    *,
    variants: tuple[Variant, ...] = (variant("int8", "0.985", 10.0),),
    target_ms: float = 100.0,
    least: int = 1,
    most: int = 10,
    window_s: float = 60.0,
    max_batch: int = 1,
    per_hour: str | None = None,
    shared: str | None = None,
    priority: int = 0,
    floor: str = "0",
    max_queue: int = 0,
) -> ModelDeployment:
    """A model whose replica carries about 90 requests/s unless told otherwise."""
    return ModelDeployment(
        key=ObjectKey(NAMESPACE, name),
        uid=name,
        generation=1,
        model=name,
        slo=LatencySlo(99.0, target_ms / 1000.0),
        triton=TritonSettings("img", max_batch_size=max_batch, max_queue_size=max_queue),
        variants=variants,
        min_accuracy=Decimal(floor),
        budget_per_hour=None if per_hour is None else Decimal(per_hour),
        budget_ref=shared,
        priority=priority,
        scaling=Scaling(min_replicas=least, max_replicas=most, scale_down_stabilization_s=window_s),
    )


def pods(count: int) -> tuple[Pod, ...]:
    """So many that are Ready."""
    return tuple(Pod(f"p{i}", 0.0, 1.0) for i in range(count))


def steady(rate: float) -> Load:
    """The same load for ever."""
    return lambda _: rate


def steps(*changes: tuple[float, float]) -> Load:
    """(from second, requests/s) in order of time; nothing before the first."""

    def load(t_s: float) -> float:
        return next((r for at, r in reversed(changes) if t_s >= at), 0.0)

    return load
