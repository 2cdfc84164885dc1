"""How long executions truly take, which may differ from what the manifests say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.core.latency import ServiceCurve
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet, workload_keys


@dataclass(frozen=True, slots=True)
class Distribution:
    """The time of one execution of the reference batch: shift + lognormal, in seconds."""

    shift_s: float
    median_s: float
    sigma: float


@dataclass(frozen=True, slots=True)
class ServiceTruth:
    """What one execution of a (variant, class) takes, in seconds.

    curve: its time by batch size, where there is no `distribution`. With one, each execution draws
    from it, times curve(batch) / curve(first point). front_end_s: what each request costs the pod
    besides, parsing and answering; Triton's counters leave it out. cpu_limit: cores; with it these
    are times of a core that nobody takes away, and a pod that has used up its part of a period
    stands still until the next.
    """

    curve: ServiceCurve
    distribution: Distribution | None = None
    front_end_s: float = 0.0
    cpu_limit: float = math.inf


Steps = tuple[tuple[float, ServiceTruth], ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """The true service times of every workload: (from second, truth), ascending, first from 0."""

    steps: Mapping[tuple[ObjectKey, WorkloadKey], Steps]

    def at(self, model: ObjectKey, key: WorkloadKey, t_s: float) -> ServiceTruth:
        """The truth of that second of the run."""
        return next(s for at, s in reversed(self.steps[model, key]) if at <= t_s)

    def changes_s(self, model: ObjectKey) -> tuple[float, ...]:
        """The seconds at which a truth of the model changes."""
        steps = (s for (m, _), s in self.steps.items() if m == model)
        return tuple(sorted({at for each in steps for at, _ in each if at > 0.0}))


def make_truth(
    fleet: Fleet, given: Mapping[tuple[ObjectKey, WorkloadKey], Steps] | None = None
) -> Truth:
    """The manifests' profiles, with `given` in their place where it says more.

    Raises SimulationError for a workload that neither tells of from the start.
    """
    given = given or {}
    steps = {}
    for model in fleet.models:
        for key in workload_keys(model):
            found = given.get((model.key, key), ())
            if not found or found[0][0] > 0.0:
                found = ((0.0, _profile(model, key)), *found)
            steps[model.key, key] = found
    return Truth(steps)


def _profile(model: ModelDeployment, key: WorkloadKey) -> ServiceTruth:
    variant = model.variant(key.variant)
    profile = variant.profile_on(key.accelerator_class) if variant else None
    if profile is None:
        raise SimulationError(
            f"ModelDeployment {model.key}: variant {key.variant!r} has no profile on "
            f"{key.accelerator_class!r}, so its speed is unknown: add one to its manifest, or give "
            "its true times with --truth."
        )
    curve = ServiceCurve(tuple((p.batch, p.latency_s) for p in profile.points))
    return ServiceTruth(curve, front_end_s=profile.front_end_s)
