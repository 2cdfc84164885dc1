"""One benchmark case: what is played, and what a careful user derives from it beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.load import end_s, rates
from trimtab.simulate.policies.pin import Curves, Pinned, pin, seed_curves, ways
from trimtab.simulate.policies.tune import Outcome
from trimtab.simulate.policy import Policy
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth

Play = Callable[[Policy], Mapping[ObjectKey, Outcome]]


@dataclass(frozen=True)
class Case:
    """A fleet under its traces. `play` runs a policy on it: only bounds in hindsight ask for it."""

    fleet: Fleet
    traces: Mapping[ObjectKey, Trace]
    settings: RunSettings
    truth: Truth
    play: Play

    @cached_property
    def specs(self) -> dict[ObjectKey, ModelDeployment]:
        return {m.key: m for m in self.fleet.models}

    @cached_property
    def end_s(self) -> float:
        return end_s(self.traces, self.settings)

    @cached_property
    def pinned(self) -> dict[ObjectKey, Pinned]:
        """The way a user would pin for each model, by the manifests' profiles."""
        mean = {k: float(rates(t, self.end_s, self.end_s).mean()) for k, t in self.traces.items()}
        return pin(self.fleet.models, self.fleet.accelerator_classes, self.fleet.budgets, mean)

    @cached_property
    def seed_ways(self) -> dict[ObjectKey, tuple[Pinned, ...]]:
        """All ways to serve each model, by the manifests' profiles."""
        return {k: self._ways(s, seed_curves(s)) for k, s in self.specs.items()}

    @cached_property
    def true_ways(self) -> dict[ObjectKey, tuple[Pinned, ...]]:
        """All ways to serve each model, by how fast they truly are at the start of the run."""
        return {k: self._ways(s, self._true_curves(s)) for k, s in self.specs.items()}

    def _ways(self, spec: ModelDeployment, curves: Curves) -> tuple[Pinned, ...]:
        return ways(spec, self.fleet.accelerator_classes, curves)

    def _true_curves(self, spec: ModelDeployment) -> Curves:
        return {
            key: steps[0][1].curve.points
            for (model, key), steps in self.truth.steps.items()
            if model == spec.key
        }
