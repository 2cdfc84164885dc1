"""A snapshot as a file: what was measured of a fleet at one moment; see docs/explain.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from trimtab.api import quantities
from trimtab.api.problems import describe, without_nulls
from trimtab.api.resources import ObjectKey
from trimtab.api.scalars import Latency
from trimtab.api.wire import Wire
from trimtab.api.yaml_file import UnreadableYaml, read_yaml
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, value_or_none
from trimtab.core.snapshot import (
    ModelReadings,
    ModelState,
    Pod,
    Snapshot,
    Workload,
    WorkloadKey,
    WorkloadReadings,
)
from trimtab.observe.table import MOST

_MANY = 1_000_000  # replicas
_Count = Annotated[int, Field(ge=0, le=_MANY)]
_Rate = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_ABSENT = Missing("NotInSnapshot", "The snapshot holds no such reading.")
_SINCE_S = 3600.0  # pods of a snapshot are this old: nothing is judged by their start


class Running(Wire):
    """The replicas of one variant on one class, and what was measured of them."""

    variant: str
    accelerator_class: str
    replicas: _Count
    ready: _Count | None = None
    leaving: _Count = 0
    batch_cap: Annotated[int, Field(ge=1)] | None = None
    queue_size: Annotated[int, Field(ge=1)] | None = None
    service_time: Latency | None = None
    batch_size: Annotated[float, Field(ge=1, le=MOST, allow_inf_nan=False)] | None = None


class Measured(Wire):
    """One model: its load, its latency and what runs of it."""

    name: str
    namespace: str = "default"
    rate: _Rate | None = None
    fast_rate: _Rate | None = None
    pending: _Rate | None = None
    hit_share: _Share | None = None
    latency: Latency | None = None
    running: list[Running] = Field(default_factory=list)


class SnapshotFile(Wire):
    """The whole file. schedulable: more replicas that the nodes can hold now, by class."""

    models: list[Measured] = Field(default_factory=list)
    schedulable: dict[str, _Count] = Field(default_factory=dict)


class SnapshotError(ValueError):
    """The file cannot be used; the message names the field and the mend."""


def load_snapshot(path: Path) -> SnapshotFile:
    """Reads and checks a file, YAML or JSON; raises SnapshotError."""
    try:
        raw = read_yaml(path)
    except UnreadableYaml as error:
        raise SnapshotError(str(error)) from None
    try:
        return SnapshotFile.model_validate(without_nulls(raw), by_alias=True, by_name=False)
    except ValidationError as error:
        raise SnapshotError(f"{path}: " + "; ".join(describe(error, raw))) from None


def dump_snapshot(snapshot: Snapshot) -> str:
    """The file of a snapshot, as YAML: figures that are not known are left out."""
    models = [_dumped(state) for state in snapshot.models]
    file = SnapshotFile(models=models, schedulable=dict(snapshot.schedulable))
    text: str = yaml.safe_dump(file.model_dump(by_alias=True, exclude_none=True), sort_keys=False)
    return text


def measured_state(
    state: ModelState, measured: Measured | None, rate: float | None, now_s: float
) -> ModelState:
    """The model with what was measured of it, and `rate` in place of the measured load if given."""
    measured = measured or Measured(name=state.spec.key.name)
    if rate is not None:
        measured = measured.model_copy(update={"rate": rate, "fast_rate": None, "pending": None})
    latency = measured.latency
    fast_rate = _or(measured.fast_rate, measured.rate)
    readings = ModelReadings(
        arrival_rate=_reading(measured.rate, now_s),
        arrival_rate_fast=_reading(fast_rate, now_s),
        hit_rate=_reading(_hits(measured, measured.rate), now_s),
        hit_rate_fast=_reading(_hits(measured, fast_rate), now_s),
        pending=_reading(_or(measured.pending, 0.0), now_s),
        latency_s=_reading(latency and quantities.parse_duration(latency), now_s),
        latency_source="Snapshot",
        workloads=tuple(_workload_readings(r, now_s) for r in measured.running),
    )
    workloads = tuple(_workload(r, now_s) for r in measured.running)
    return ModelState(state.spec, workloads, readings)


def find_measured(file: SnapshotFile, key: ObjectKey) -> Measured | None:
    """What the file holds of that model."""
    return next(
        (m for m in file.models if (m.namespace, m.name) == (key.namespace, key.name)), None
    )


def _or(value: float | None, instead: float | None) -> float | None:
    return instead if value is None else value


def _hits(measured: Measured, rate: float | None) -> float | None:
    share = measured.hit_share
    return None if share is None or rate is None else share * rate


def _reading(value: Any, now_s: float) -> Reading:
    if value is None:
        return _ABSENT
    return Known(float(value), now_s) if value > 0 else NoTraffic(now_s)


def _workload(running: Running, now_s: float) -> Workload:
    key = WorkloadKey(running.variant, running.accelerator_class)
    ready = running.replicas if running.ready is None else min(running.ready, running.replicas)
    since_s = now_s - _SINCE_S
    pods = [Pod(f"{key}-{i}", since_s, since_s) for i in range(ready)]
    pods += [Pod(f"{key}-{i}", now_s, None) for i in range(ready, running.replicas)]
    pods += [
        Pod(f"{key}-gone-{i}", since_s, None, terminating=True) for i in range(running.leaving)
    ]
    return Workload(
        key, running.replicas, tuple(pods), running.batch_cap, queue_size=running.queue_size
    )


def _workload_readings(running: Running, now_s: float) -> WorkloadReadings:
    service = running.service_time
    return WorkloadReadings(
        WorkloadKey(running.variant, running.accelerator_class),
        service_time_s=_reading(service and quantities.parse_duration(service), now_s),
        batch_size=_reading(running.batch_size, now_s),
    )


def _dumped(state: ModelState) -> Measured:
    readings = state.readings
    return Measured(
        name=state.spec.key.name,
        namespace=state.spec.key.namespace,
        rate=value_or_none(readings.arrival_rate),
        fast_rate=value_or_none(readings.arrival_rate_fast),
        pending=value_or_none(readings.pending),
        hit_share=readings.hit_share,
        latency=_duration(value_or_none(readings.latency_s)),
        running=[_dumped_running(w, readings.workload(w.key)) for w in state.workloads],
    )


def _dumped_running(workload: Workload, readings: WorkloadReadings) -> Running:
    return Running(
        variant=workload.key.variant,
        accelerator_class=workload.key.accelerator_class,
        replicas=workload.replicas,
        ready=workload.ready,
        leaving=workload.terminating,
        batch_cap=workload.batch_cap,
        queue_size=workload.queue_size,
        service_time=_duration(value_or_none(readings.service_time_s)),
        batch_size=value_or_none(readings.batch_size) or None,
    )


def _duration(seconds: float | None) -> str | None:
    return quantities.format_duration(seconds) if seconds else None
