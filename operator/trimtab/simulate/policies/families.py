"""The rules that users run today, each with the one number that a user may turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.simulate.policies.keda import RequestRate
from trimtab.simulate.policies.kpa import UTILISATION, Kpa
from trimtab.simulate.policies.pin import Pinned
from trimtab.simulate.policies.queue_time import CHART_TARGET_S, QueueTime
from trimtab.simulate.policies.rule import PerModel, Rule
from trimtab.simulate.policies.slo_ratio import UP, SloRatio

# What of a load-tested rate users plan with: the share that InfAdapter and Triton's guides leave.
PLANNED_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Family:
    """rule: makes the rule of a model from its number. default: the documented number, or the one
    its document tells to derive. safe, lean: the ends between which it is searched in hindsight;
    `safe` costs most."""

    rule: Callable[[ModelDeployment, Pinned, float], Rule]
    default: Callable[[ModelDeployment, Pinned], float]
    safe: Callable[[ModelDeployment, Pinned], float]
    lean: Callable[[ModelDeployment, Pinned], float]


def _queue_time(spec: ModelDeployment, pinned: Pinned, target_s: float) -> Rule:  # noqa: ARG001
    return QueueTime(target_s, PLANNED_SHARE * pinned.rate)


def _slack_s(spec: ModelDeployment, pinned: Pinned) -> float:
    return spec.slo.target_s - pinned.carried.alone_s


def _concurrency(pinned: Pinned) -> float:
    """Requests in flight in one replica at the most it carries within the SLO (Little's law)."""
    return pinned.rate * pinned.carried.latency_s


FAMILIES: Mapping[str, Family] = {
    "hpa-queue-time": Family(
        rule=_queue_time,
        default=lambda _spec, _pinned: CHART_TARGET_S,
        safe=lambda _spec, _pinned: CHART_TARGET_S,
        lean=_slack_s,
    ),
    # A mean wait of a quarter of what the SLO leaves beside the service: an exponential tail puts
    # the 99th percentile of a wait at 4.6 times its mean.
    "hpa-queue-time-tuned": Family(
        rule=_queue_time,
        default=lambda spec, pinned: _slack_s(spec, pinned) / 4,
        safe=lambda _spec, _pinned: CHART_TARGET_S,
        lean=_slack_s,
    ),
    "keda-rps": Family(
        rule=lambda _spec, _pinned, target: RequestRate(target),
        default=lambda _spec, pinned: PLANNED_SHARE * pinned.rate,
        safe=lambda _spec, pinned: 0.15 * pinned.rate,
        lean=lambda _spec, pinned: 1.2 * pinned.rate,
    ),
    "kpa": Family(
        rule=lambda _spec, pinned, target: Kpa(target, pinned.carried.latency_s),
        default=lambda _spec, pinned: UTILISATION * _concurrency(pinned),
        safe=lambda _spec, pinned: 0.05 * _concurrency(pinned),
        lean=lambda _spec, pinned: 1.5 * _concurrency(pinned),
    ),
    "slo-ratio": Family(
        rule=lambda spec, pinned, up: SloRatio(spec.slo.target_s, PLANNED_SHARE * pinned.rate, up),
        default=lambda _spec, _pinned: UP,
        safe=lambda _spec, _pinned: 0.05,
        lean=lambda _spec, _pinned: 1.5,
    ),
}


def with_numbers(
    family: Family,
    specs: Mapping[ObjectKey, ModelDeployment],
    pinned: Mapping[ObjectKey, Pinned],
    numbers: Mapping[ObjectKey, float],
) -> PerModel:
    """The policy of that family with a number for each model."""
    return PerModel(pinned, {k: family.rule(s, pinned[k], numbers[k]) for k, s in specs.items()})


def default_numbers(
    family: Family, specs: Mapping[ObjectKey, ModelDeployment], pinned: Mapping[ObjectKey, Pinned]
) -> dict[ObjectKey, float]:
    """The documented number of each model."""
    return {key: family.default(spec, pinned[key]) for key, spec in specs.items()}
