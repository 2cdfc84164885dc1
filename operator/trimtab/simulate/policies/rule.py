"""A rule that scales one model by itself, and the policy that runs one such rule on each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trimtab.api.resources import ObjectKey
from trimtab.core.plan import Target
from trimtab.core.signals import value_or_none
from trimtab.core.snapshot import ModelState
from trimtab.simulate.policies.bounds import clamped
from trimtab.simulate.policies.pin import Pinned
from trimtab.simulate.policy import Metrics, Seen, Targets


@dataclass(frozen=True, slots=True)
class View:
    """One model as its own scaler sees it: `replicas` asked for, those `ready`, and the bounds."""

    model: ObjectKey
    metrics: Metrics
    replicas: int
    ready: int
    low: int
    high: int


class Rule(Protocol):
    """A scaling rule of one model with one variant."""

    def first(self, rate: float) -> int:
        """The replicas it would have stood at, at `rate` requests per second."""
        ...

    def replicas(self, view: View, now_s: float) -> int:
        """The replicas it asks for now."""
        ...


class PerModel:
    """The same kind of rule on each model, each with its pinned variant; no rule knows of another,
    of a budget, or of how many accelerators there are."""

    def __init__(self, pinned: Mapping[ObjectKey, Pinned], rules: Mapping[ObjectKey, Rule]) -> None:
        self._pinned = pinned
        self._rules = rules

    def start(self, seen: Seen, now_s: float) -> Targets:  # noqa: ARG002 - the seam's signature
        return {
            s.spec.key: self._target(s, self._rules[s.spec.key].first(_rate(s)))
            for s in seen.snapshot.models
        }

    def tick(self, seen: Seen, now_s: float) -> Targets:
        return {s.spec.key: self._ticked(s, seen.metrics, now_s) for s in seen.snapshot.models}

    def _ticked(self, state: ModelState, metrics: Metrics, now_s: float) -> tuple[Target, ...]:
        key, scaling = state.spec.key, state.spec.scaling
        workload = state.workload(self._pinned[key].key)
        view = View(
            key,
            metrics,
            workload.replicas,
            workload.ready,
            scaling.min_replicas,
            scaling.max_replicas,
        )
        return self._target(state, self._rules[key].replicas(view, now_s))

    def _target(self, state: ModelState, wish: int) -> tuple[Target, ...]:
        pinned = self._pinned[state.spec.key]
        return (Target(pinned.key, clamped(wish, state.spec.scaling), pinned.batch_cap),)


def _rate(state: ModelState) -> float:
    return value_or_none(state.readings.arrival_rate) or 0.0
