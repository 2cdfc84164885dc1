"""Hypothesis strategies: whole fleets as a decision may meet them, and the ticks that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from trimtab.api.resources import (
    AcceleratorClass,
    ImageSource,
    InferenceBudget,
    LatencySlo,
    ManualScale,
    ModelDeployment,
    Objective,
    ObjectKey,
    Profile,
    ProfilePoint,
    Routing,
    RoutingType,
    Scaling,
    ScalingMode,
    TritonSettings,
    Variant,
)
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import (
    Backlog,
    CountedLoad,
    ModelReadings,
    ModelState,
    Pod,
    Snapshot,
    Workload,
    WorkloadKey,
    WorkloadReadings,
)

CLASSES = ("cpu", "l4", "gone")
BUDGET = ObjectKey("shop", "shared")
START_S = 1000.0

money = st.sampled_from([Decimal(m) for m in ("0.01", "0.1", "0.3", "0.33", "0.8", "1.2", "4")])
accuracies = st.sampled_from([Decimal(a) for a in ("0", "0.8", "0.9", "0.95", "1")])
seconds = st.sampled_from([1e-4, 0.002, 0.01, 0.011, 0.03, 0.1, 0.5, 2.0])


def readings_of(*values: float) -> st.SearchStrategy[Reading]:
    """One of the values, or one of the ways of not knowing.

    Of few values, drawn once: a fleet has dozens of readings, and edges find more than decimals.
    """
    unknown = (
        NoTraffic(START_S),
        Missing("PrometheusUnreachable", "Connection refused."),
        Stale(90.0),
        Stale(600.0, 10.0),
    )
    return st.sampled_from((*(Known(v, START_S) for v in values), *unknown))


RATES = readings_of(0.001, 0.9, 5.0, 12.3, 40.0, 90.0, 250.0, 3000.0)
TIMES = readings_of(1e-4, 0.002, 0.011, 0.04, 0.2, 2.0)
BATCHES = readings_of(0.5, 1.0, 3.7, 8.0, 64.0)
PENDING = readings_of(0.0, 1.0, 20.0, 5000.0)
BACKLOGS = st.lists(
    st.builds(
        Backlog, st.sampled_from([1e-9, 0.4, 30.0, 900.0, 1e15]), st.sampled_from([1.0, 40.0, 1e15])
    ),
    max_size=3,
).map(tuple)
PODS = st.lists(
    st.tuples(
        st.sampled_from(["ready", "ready", "starting", "waiting", "leaving"]),
        st.sampled_from([5.0, 50.0, 500.0]),
    ),
    max_size=6,
)
CAPS = st.sampled_from([None, 1, 4, 64])
QUEUES = st.sampled_from([None, None, 3, 80])
SCALERS = st.sampled_from([None] * 19 + ["HorizontalPodAutoscaler x"])
REPLICAS = st.integers(0, 8)


@st.composite
def variants(draw: st.DrawFn, name: str) -> Variant:
    """With or without a profile, on one class or more."""
    classes = draw(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=2, unique=True))
    profiles = []
    for class_name in classes:
        if draw(st.booleans()):
            batches = draw(st.sets(st.sampled_from([1, 4, 8]), min_size=1))
            points = tuple(ProfilePoint(b, draw(seconds)) for b in sorted(batches))
            front = draw(st.sampled_from([0.0, 0.002, 0.5]))
            profiles.append(
                Profile(class_name, points, draw(st.one_of(st.none(), accuracies)), front)
            )
    return Variant(name, draw(accuracies), ImageSource("r"), tuple(classes), tuple(profiles))


@st.composite
def specs(draw: st.DrawFn, name: str) -> ModelDeployment:
    """A ModelDeployment as the API server lets it in."""
    names = draw(st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]))
    declared = tuple(draw(variants(n)) for n in names)
    mode = draw(st.sampled_from([ScalingMode.AUTO] * 4 + [ScalingMode.ADVISE, ScalingMode.MANUAL]))
    manual = None
    least, most = 1, 10
    if mode is ScalingMode.MANUAL:
        chosen = draw(st.sampled_from(declared))
        manual = ManualScale(chosen.name, chosen.accelerator_classes[0], draw(st.integers(0, 12)))
    else:
        least, most = sorted((draw(st.integers(1, 6)), draw(st.integers(1, 12))))
    return ModelDeployment(
        key=ObjectKey("shop", name),
        uid=name,
        generation=1,
        model=name,
        slo=LatencySlo(draw(st.sampled_from([50.0, 95.0, 99.0, 99.9])), draw(seconds)),
        triton=TritonSettings(
            "img",
            max_batch_size=draw(st.sampled_from([1, 4, 8, 33])),
            max_queue_size=draw(st.sampled_from([0, 0, 5, 1000])),
            instance_count=draw(st.sampled_from([1, 1, 2])),
        ),
        variants=declared,
        objective=draw(st.sampled_from(Objective)),
        min_accuracy=draw(st.sampled_from([Decimal(0), Decimal("0.9"), Decimal("0.99")])),
        budget_per_hour=draw(st.one_of(st.none(), money)),
        budget_ref=draw(st.sampled_from([None, "shared", "shared", "absent"])),
        priority=draw(st.integers(0, 2)),
        scaling=Scaling(mode, least, most, draw(st.sampled_from([0.0, 30.0, 300.0])), manual),
        routing=Routing(draw(st.sampled_from(RoutingType))),
    )


@st.composite
def workloads(draw: st.DrawFn, key: WorkloadKey, prefix: str) -> Workload:
    """A child with pods in every state, whose number may differ from what is asked for."""
    pods = []
    for i, (kind, age_s) in enumerate(draw(PODS)):
        pods.append(
            Pod(
                f"{prefix}-{key.variant}-{key.accelerator_class}-{i}",
                START_S - age_s,
                START_S - age_s / 2 if kind == "ready" else None,
                terminating=kind == "leaving",
                unschedulable=kind == "waiting",
            )
        )
    return Workload(key, draw(REPLICAS), tuple(pods), draw(CAPS), draw(SCALERS), draw(QUEUES))


_COUNTED = st.sampled_from([0.0, 5.0, 90.0, 3000.0, 1e15])
COUNTED = st.none() | st.builds(
    CountedLoad, _COUNTED, _COUNTED, _COUNTED, st.sampled_from([1.0, 3.7, 1e15])
)


@st.composite
def model_readings(draw: st.DrawFn, keys: tuple[WorkloadKey, ...]) -> ModelReadings:
    """Whatever Prometheus may tell of a model."""
    return ModelReadings(
        arrival_rate=draw(RATES),
        arrival_rate_fast=draw(RATES),
        pending=draw(PENDING),
        failure_rate=draw(RATES),
        latency_s=draw(TIMES),
        latency_source="TritonSummary",
        latency_estimated=draw(st.booleans()),
        workloads=tuple(
            WorkloadReadings(
                key,
                rate=draw(RATES),
                batch_rate=draw(RATES),
                service_time_s=draw(TIMES),
                batch_size=draw(BATCHES),
                queue_time_s=draw(TIMES),
                backlogs=draw(BACKLOGS),
            )
            for key in keys
        ),
        counted=draw(COUNTED),
    )


@st.composite
def states(draw: st.DrawFn, name: str) -> ModelState:
    """A model, its children (some of them of variants that are no more) and its readings."""
    spec = draw(specs(name))
    possible = [WorkloadKey(v.name, c) for v in spec.variants for c in v.accelerator_classes]
    possible.append(WorkloadKey("removed", "cpu"))
    keys = draw(st.lists(st.sampled_from(possible), max_size=3, unique=True))
    children = tuple(draw(workloads(k, name)) for k in sorted(keys))
    return ModelState(spec, children, draw(model_readings(tuple(sorted(keys)))))


ROOM = st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 8))


@st.composite
def classes(draw: st.DrawFn) -> Mapping[str, AcceleratorClass]:
    """Every class but 'gone', some without a price."""
    return {
        name: AcceleratorClass(
            name,
            (("cpu", "1"),),
            draw(st.one_of(money, money, money, st.just(Decimal(0)), st.none())),
            max_replicas=draw(st.one_of(st.none(), st.integers(0, 12))),
        )
        for name in CLASSES[:2]
    }


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A whole fleet; the class 'gone' never exists."""
    names = draw(st.sampled_from([("m0",), ("m0", "m1"), ("m0", "m1", "m2")]))
    return Snapshot(
        tuple(draw(states(n)) for n in names),
        draw(classes()),
        {BUDGET: InferenceBudget(BUDGET, draw(money))},
        draw(ROOM),
    )


@dataclass(frozen=True)
class Tick:
    """What changes between one decision and the next: time, readings, and who became Ready.

    Where others had a hand in it too: `workloads`, by model, which pods were lost, added or are
    leaving; prices, budgets and room. None where they stay.
    """

    after_s: float
    readings: tuple[ModelReadings, ...]
    started: bool
    left: bool
    workloads: tuple[tuple[Workload, ...] | None, ...]
    classes: Mapping[str, AcceleratorClass] | None = None
    budgets: Mapping[ObjectKey, InferenceBudget] | None = None
    schedulable: Mapping[str, int] | None = None


RARELY = st.sampled_from([False] * 7 + [True])


@st.composite
def ticks(draw: st.DrawFn, snapshot: Snapshot) -> Tick:
    """One tick of the fleet of that snapshot."""
    children = tuple(
        tuple(draw(workloads(w.key, state.spec.key.name)) for w in state.workloads)
        if draw(RARELY)
        else None
        for state in snapshot.models
    )
    budgets: Mapping[ObjectKey, InferenceBudget] | None = None
    if draw(RARELY):
        amount = draw(st.none() | money)
        budgets = {} if amount is None else {BUDGET: InferenceBudget(BUDGET, amount)}
    return Tick(
        draw(st.sampled_from([5.0, 5.0, 60.0, 400.0])),
        tuple(
            draw(model_readings(tuple(w.key for w in state.workloads))) for state in snapshot.models
        ),
        draw(st.booleans()),
        draw(st.booleans()),
        children,
        draw(classes()) if draw(RARELY) else None,
        budgets,
        draw(ROOM) if draw(RARELY) else None,
    )
