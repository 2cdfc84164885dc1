"""The one variant on the one class that a careful user pins for a rule that knows no variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.api.resources import (
    AcceleratorClass,
    InferenceBudget,
    ModelDeployment,
    Objective,
    ObjectKey,
    UriSource,
)
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.policies.load_test import Carried, load_test

# Head room a careful user leaves when a budget is to last at the mean rate.
_PLANNED_SHARE = 0.8
Curves = Mapping[WorkloadKey, tuple[tuple[int, float], ...]]


class NothingToPin(ValueError):  # noqa: N818 - it names the state of the manifest
    """No variant of a model has both a profile and a place within its floor and SLO."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """One way to serve a model, with what a load test of one replica of it found."""

    key: WorkloadKey
    accuracy: Decimal
    price_per_hour: Decimal
    carried: Carried

    @property
    def batch_cap(self) -> int:
        return self.carried.batch_cap

    @property
    def rate(self) -> float:
        """Requests per second one replica carries within the SLO."""
        return self.carried.rate

    @property
    def price_per_request(self) -> float:
        """Price per hour over requests per second: the order in which options are cheap."""
        return float(self.price_per_hour) / self.rate


def seed_curves(spec: ModelDeployment) -> Curves:
    """The profiles of the manifest as (batch, seconds)."""
    return {
        WorkloadKey(v.name, p.accelerator_class): tuple((x.batch, x.latency_s) for x in p.points)
        for v in spec.variants
        for p in v.profiles
    }


def ways(
    spec: ModelDeployment, classes: Mapping[str, AcceleratorClass], curves: Curves
) -> tuple[Pinned, ...]:
    """Every profiled (variant, class) within floor and SLO, the cheapest per request first."""
    found = []
    for variant in spec.variants:
        for name in variant.accelerator_classes:
            key, accuracy = WorkloadKey(variant.name, name), variant.accuracy_on(name)
            price = classes[name].price_per_hour if name in classes else None
            if price is None or accuracy < spec.min_accuracy or key not in curves:
                continue
            fixed = spec.triton.max_batch_size if isinstance(variant.source, UriSource) else None
            found.append(Pinned(key, accuracy, price, _tested(spec, curves[key], fixed)))
    return tuple(sorted((p for p in found if p.rate > 0.0), key=lambda p: p.price_per_request))


def pin(
    specs: Sequence[ModelDeployment],
    classes: Mapping[str, AcceleratorClass],
    budgets: Mapping[ObjectKey, InferenceBudget],
    mean_rates: Mapping[ObjectKey, float],
) -> dict[ObjectKey, Pinned]:
    """One way per model, by the profiles of the manifests.

    MinimizeCost: the cheapest per request. MaximizeAccuracy: the most accurate that the budgets
    carry at `mean_rates` (requests/s); where a budget is shared, accuracy is bought where a point
    of it costs least.
    """
    options = {s.key: ways(s, classes, seed_curves(s)) for s in specs}
    for key, found in options.items():
        if not found:
            raise NothingToPin(f"{key}: no variant has a profile that meets floor and target")
    chosen = {key: found[0] for key, found in options.items()}
    accurate = [s for s in specs if s.objective is Objective.MAXIMIZE_ACCURACY]
    while (step := _best_step(accurate, budgets, specs, chosen, options, mean_rates)) is not None:
        chosen[step[0]] = step[1]
    return chosen


def _best_step(
    accurate: Iterable[ModelDeployment],
    budgets: Mapping[ObjectKey, InferenceBudget],
    specs: Sequence[ModelDeployment],
    chosen: Mapping[ObjectKey, Pinned],
    options: Mapping[ObjectKey, tuple[Pinned, ...]],
    rates: Mapping[ObjectKey, float],
) -> tuple[ObjectKey, Pinned] | None:
    """The affordable change to a more accurate way that gains most per money; None without one."""
    best: tuple[float, ObjectKey, Pinned] | None = None
    for spec in accurate:
        rate, now = rates[spec.key], chosen[spec.key]
        for option in options[spec.key]:
            gain = float(option.accuracy - now.accuracy) * rate
            more = _cost(option, rate) - _cost(now, rate)
            after = {**chosen, spec.key: option}
            if gain <= 0 or not _affordable(spec, specs, budgets, after, rates):
                continue
            worth = gain / max(more, 1e-9)
            if best is None or worth > best[0]:
                best = (worth, spec.key, option)
    return None if best is None else best[1:]


def _affordable(
    spec: ModelDeployment,
    specs: Sequence[ModelDeployment],
    budgets: Mapping[ObjectKey, InferenceBudget],
    chosen: Mapping[ObjectKey, Pinned],
    rates: Mapping[ObjectKey, float],
) -> bool:
    own = spec.budget_per_hour
    if own is not None and _cost(chosen[spec.key], rates[spec.key]) > float(own):
        return False
    shared = ObjectKey(spec.key.namespace, spec.budget_ref or "")
    if shared not in budgets:
        # A shared budget that does not exist is not an unlimited one.
        return spec.budget_ref is None
    sharing = [
        s.key for s in specs if (s.key.namespace, s.budget_ref) == (shared.namespace, shared.name)
    ]
    return sum(_cost(chosen[k], rates[k]) for k in sharing) <= float(budgets[shared].per_hour)


def _cost(option: Pinned, rate: float) -> float:
    """Money per hour at that rate, at least one replica."""
    return max(1.0, rate / (_PLANNED_SHARE * option.rate)) * float(option.price_per_hour)


def _tested(
    spec: ModelDeployment, points: tuple[tuple[int, float], ...], fixed: int | None
) -> Carried:
    cap = fixed or spec.triton.max_batch_size
    return load_test(
        points, spec.triton.instance_count, cap, spec.slo.target_s, spec.slo.percentile
    )
