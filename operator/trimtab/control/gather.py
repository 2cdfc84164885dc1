"""Caches in, snapshot out: parses every resource, and says which of them cannot be used."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from trimtab.actuate import kinds
from trimtab.actuate.job import obstacle
from trimtab.actuate.kinds import Kind
from trimtab.actuate.settings import InstallSettings
from trimtab.api.parse import (
    parse_accelerator_class,
    parse_inference_budget,
    parse_model_deployment,
)
from trimtab.api.quantity import InvalidQuantity
from trimtab.api.resources import (
    AcceleratorClass,
    Compression,
    InvalidResource,
    ModelDeployment,
    ObjectKey,
    RawObject,
    ScalingMode,
)
from trimtab.control.agreements import read_agreements
from trimtab.control.caches import Caches, key_of
from trimtab.control.compression import read_compression
from trimtab.control.installs import served_elsewhere
from trimtab.control.routes import route_of, shadows
from trimtab.core.compression import Compressed, Obstacle, next_state, with_published
from trimtab.core.snapshot import Checked, Holding, ModelReadings, ModelState, Snapshot, Workload
from trimtab.observe.cluster import LABEL_MODEL_DEPLOYMENT, workloads_of
from trimtab.observe.compression import job_seen
from trimtab.observe.nodes import schedulable_by_class

log = logging.getLogger(__name__)

_Parsed = TypeVar("_Parsed")
_Grouped = dict[ObjectKey, list[RawObject]]
_ROOM = "room on nodes"


@dataclass(frozen=True, slots=True)
class Gathered:
    """A snapshot without readings, and the problems of what could not be parsed.

    problems: by kind and key, the sentences of InvalidResource.
    compressed: how the compression is of every model that has one; what it published is among the
    model's variants already.
    elsewhere: models that another install serves, and its name; they are in no snapshot.
    """

    snapshot: Snapshot
    problems: Mapping[tuple[Kind, ObjectKey], tuple[str, ...]] = field(default_factory=dict)
    compressed: Mapping[ObjectKey, Compressed] = field(default_factory=dict)
    elsewhere: Mapping[ObjectKey, str] = field(default_factory=dict)

    def with_readings(self, readings: Mapping[ObjectKey, ModelReadings]) -> Snapshot:
        """The snapshot with the readings of every model that has some."""
        models = tuple(
            replace(s, readings=readings.get(s.spec.key, s.readings)) for s in self.snapshot.models
        )
        return replace(self.snapshot, models=models)


def gather(caches: Caches, install: InstallSettings | None = None) -> Gathered:
    """Everything one decision needs of the cluster. `install`: of the operator that acts, where one
    does; a mere look takes compressions as the status has them."""
    problems: dict[tuple[Kind, ObjectKey], tuple[str, ...]] = {}
    elsewhere = {} if install is None else served_elsewhere(caches, install)
    specs = _parse_all(caches, kinds.MODEL_DEPLOYMENT, parse_model_deployment, problems)
    specs = [spec for spec in specs if spec.key not in elsewhere]
    problems = {of: said for of, said in problems.items() if of[1] not in elsewhere}
    classes = {
        c.name: c
        for c in _parse_all(caches, kinds.ACCELERATOR_CLASS, parse_accelerator_class, problems)
    }
    budgets = {
        b.key: b
        for b in _parse_all(caches, kinds.INFERENCE_BUDGET, parse_inference_budget, problems)
    }
    compressed = _compressed(caches, specs, classes, install)
    specs = [with_published(spec, compressed.get(spec.key)) for spec in specs]
    deployments = _by_model(caches.all(kinds.DEPLOYMENT))
    pods = _by_model(caches.all(kinds.POD))
    caches.memo.keep({*(s.key for s in specs), _ROOM})
    snapshot = Snapshot(
        models=_states(caches, specs, deployments, pods),
        holdings=_holdings(caches, {s.key for s in specs}, deployments, pods),
        accelerator_classes=classes,
        budgets=budgets,
        schedulable=_schedulable(caches, classes, problems),
    )
    return Gathered(snapshot, problems, compressed, elsewhere)


def _parse_all(
    caches: Caches,
    kind: Kind,
    parse: Callable[[RawObject], _Parsed],
    problems: dict[tuple[Kind, ObjectKey], tuple[str, ...]],
) -> list[_Parsed]:
    parsed = []
    for obj in caches.all(kind):
        if obj["metadata"].get("deletionTimestamp"):
            continue  # the garbage collector takes its children; nothing is to be decided
        try:
            parsed.append(caches.parsed.get(kind, key_of(obj), obj, parse))
        except InvalidResource as error:
            problems[kind, key_of(obj)] = error.problems
    return parsed


def _compressed(
    caches: Caches,
    specs: Iterable[ModelDeployment],
    classes: Mapping[str, AcceleratorClass],
    install: InstallSettings | None,
) -> dict[ObjectKey, Compressed]:
    found: dict[ObjectKey, Compressed] = {}
    for spec in specs:
        if spec.compression is None:
            continue
        raw = caches.get(kinds.MODEL_DEPLOYMENT, spec.key) or {}
        state = read_compression(raw.get("status") or {})
        if install is not None:
            try:
                state = _now(caches, spec, spec.compression, state, classes, install)
            except Exception:
                # A Job that nobody had thought of must not stop the decision of all models.
                log.exception("the compression of %s could not be judged; it stays", spec.key)
        if state is not None:
            found[spec.key] = state
    return found


def _now(
    caches: Caches,
    spec: ModelDeployment,
    compression: Compression,
    state: Compressed | None,
    classes: Mapping[str, AcceleratorClass],
    install: InstallSettings,
) -> Compressed | None:
    here = [j for j in caches.all(kinds.JOB) if key_of(j).namespace == spec.key.namespace]
    job = job_seen(spec, here, caches.all(kinds.POD))
    return next_state(spec, state, job, _obstacle(spec, compression, classes, install))


def _obstacle(
    spec: ModelDeployment,
    compression: Compression,
    classes: Mapping[str, AcceleratorClass],
    install: InstallSettings,
) -> Obstacle | None:
    if spec.scaling.mode is ScalingMode.ADVISE:
        return Obstacle("NotActing", "In mode Advise nothing is written, and so no Job runs.")
    return obstacle(compression, classes.get(compression.accelerator_class), install)


def _holdings(
    caches: Caches, decided: set[ObjectKey], deployments: _Grouped, pods: _Grouped
) -> tuple[Holding, ...]:
    """What exists of models that are not decided on: unreadable, being deleted, or gone."""
    holdings = []
    for key in sorted({*deployments, *pods} - decided):
        spec = (caches.get(kinds.MODEL_DEPLOYMENT, key) or {}).get("spec")
        reference = spec.get("budgetRef") if isinstance(spec, Mapping) else None
        name = reference.get("name") if isinstance(reference, Mapping) else None
        budget = ObjectKey(key.namespace, name) if isinstance(name, str) else None
        workloads = workloads_of(key, deployments.get(key, ()), pods.get(key, ()))
        holdings.append(Holding(budget, workloads))
    return tuple(holdings)


def _states(
    caches: Caches, specs: Sequence[ModelDeployment], deployments: _Grouped, pods: _Grouped
) -> tuple[ModelState, ...]:
    scalers: dict[str, list[RawObject]] = defaultdict(list)
    for kind in (kinds.HPA, kinds.SCALED_OBJECT):
        for obj in caches.all(kind):
            scalers[key_of(obj).namespace].append(obj)
    shadowed = shadows(caches, specs)
    return tuple(
        ModelState(
            spec,
            _workloads(caches, spec.key, deployments, pods, scalers[spec.key.namespace]),
            checked=_checked(caches, spec),
            route=route_of(caches, spec, shadowed.get(spec.key)),
        )
        for spec in specs
    )


def _workloads(
    caches: Caches,
    key: ObjectKey,
    deployments: _Grouped,
    pods: _Grouped,
    scalers: list[RawObject],
) -> tuple[Workload, ...]:
    here, there = deployments.get(key, ()), pods.get(key, ())
    return caches.memo.get(
        key, (*here, *there, *scalers), (), lambda: workloads_of(key, here, there, scalers)
    )


def _checked(caches: Caches, spec: ModelDeployment) -> Checked:
    """What the status remembers of the output check."""
    if spec.output_check is None:
        return Checked()
    raw = caches.get(kinds.MODEL_DEPLOYMENT, spec.key) or {}
    return Checked(read_agreements(raw.get("status") or {}))


def _by_model(objects: Iterable[RawObject]) -> _Grouped:
    grouped: dict[ObjectKey, list[RawObject]] = defaultdict(list)
    for obj in objects:
        name = (obj["metadata"].get("labels") or {}).get(LABEL_MODEL_DEPLOYMENT)
        if name:
            grouped[ObjectKey(key_of(obj).namespace, name)].append(obj)
    return grouped


def _schedulable(
    caches: Caches,
    classes: Mapping[str, AcceleratorClass],
    problems: dict[tuple[Kind, ObjectKey], tuple[str, ...]],
) -> dict[str, int]:
    """Room on the nodes by class; one that cannot be counted is absent, and the rest goes on."""
    nodes, pods = list(caches.all(kinds.NODE)), list(caches.all(kinds.POD))
    if not nodes:
        return {}
    try:
        counted = caches.memo.get(
            _ROOM,
            (*classes.values(), *nodes, *pods),
            (),
            lambda: schedulable_by_class(classes.values(), nodes, pods),
        )
        return dict(counted)
    except InvalidQuantity:
        pass
    counted = {}
    for name, accelerator in classes.items():
        try:
            counted |= schedulable_by_class([accelerator], nodes, pods)
        except InvalidQuantity as error:
            problems[kinds.ACCELERATOR_CLASS, ObjectKey("", name)] = (str(error),)
    return counted
