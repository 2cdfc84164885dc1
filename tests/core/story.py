"""A fake fleet that does what plans say, so that a test reads as a story in time.

Pods take `start_up_s` to become Ready, leaving pods hold their place for `drain_s`, and nodes
have `slots` places per class. Time is a number that only `Story.until` moves, 5 s a tick.
`NO_ROOM_FOR_BURSTS` is for stories about something else than what the forecast buys.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.core.builders import Load, accelerator
from tests.core.forecast.rates import ACQUAINTED_S
from trimtab.api.resources import AcceleratorClass, InferenceBudget, ModelDeployment, RoutingType
from trimtab.core.decide import decide
from trimtab.core.explain import explain
from trimtab.core.explain_text import text
from trimtab.core.forecast import History
from trimtab.core.latency import ReplicaModel, ServiceCurve, capacity_rate
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.plan import Condition, ModelPlan
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.signals import Known, Missing, NoTraffic, Reading
from trimtab.core.snapshot import (
    Checked,
    ModelReadings,
    ModelState,
    Pod,
    Snapshot,
    Workload,
    WorkloadKey,
    WorkloadReadings,
)

TICK_S = 5.0
NO_ROOM_FOR_BURSTS = PolicySettings(late_price_s=0.0)


@dataclass
class _FakePod:
    name: str
    created_s: float
    ready_s: float | None = None
    leaves_s: float | None = None
    placed: bool = False


@dataclass
class _Child:
    replicas: int = 0
    batch_cap: int | None = None
    foreign_scaler: str | None = None
    queue_size: int | None = None
    weight: int = 100
    pods: list[_FakePod] = field(default_factory=list)


@dataclass
class Model:
    """One model of the story. What happens to it in the story is set on it directly.

    blind: in its place where every reading is to be lost. truth: by how much the true service
    time differs from the profile. measure: what the windowed mean rate is read as. distort,
    reshape: what becomes of the readings of a workload, and of the model. answer: what is known of
    its workloads' answers at a time.
    """

    spec: ModelDeployment
    load: Load = lambda _: 0.0
    blind: Reading | None = None
    truth: float = 1.0
    measure: Callable[[float, float], float] = lambda rate, window_s: rate
    distort: Callable[[WorkloadReadings], WorkloadReadings] = lambda readings: readings
    reshape: Callable[[ModelReadings], ModelReadings] = lambda readings: readings
    answer: Callable[[ModelState, float], Checked] = lambda state, now_s: Checked()
    children: dict[WorkloadKey, _Child] = field(default_factory=dict)
    profiles: dict[WorkloadKey, ServiceCurve] = field(default_factory=dict)

    def running(self, key: WorkloadKey, pods: int) -> Model:
        """The same model with so many pods that are Ready already."""
        self.children[key] = _Child(
            pods,
            1,
            pods=[_FakePod(f"{key.variant}-{i}", -60, -50, placed=True) for i in range(pods)],
        )
        return self


@dataclass(frozen=True)
class Moment:
    """What was seen and decided at one tick of one model."""

    t_s: float
    state: ModelState
    plan: ModelPlan
    cost: Decimal


class Story:
    """Ticks over a fake fleet. `history` holds every moment of the first model."""

    def __init__(
        self,
        *models: Model,
        classes: tuple[AcceleratorClass, ...] = (accelerator(),),
        budgets: tuple[InferenceBudget, ...] = (),
        slots: int = 100,
        start_up_s: float | None = 10.0,
        drain_s: float = 15.0,
        policy: PolicySettings = DEFAULT_POLICY,
    ) -> None:
        self.models = {m.spec.key.name: m for m in models}
        self.classes = {c.name: c for c in classes}
        self.budgets = {b.key: b for b in budgets}
        self.slots = slots
        self.start_up_s = start_up_s
        self.drain_s = drain_s
        self.policy = policy
        self.now_s = -TICK_S
        self.unanswered_s: float | None = None
        # Not in its first hours, when every half hour of the clock is waited for.
        known = ModelMemory(history=History(watched_s=ACQUAINTED_S))
        self.memory = Memory({m.spec.key: known for m in models})
        self.moments: dict[str, list[Moment]] = {name: [] for name in self.models}
        self._names = itertools.count()

    @property
    def model(self) -> Model:
        """The first model."""
        return next(iter(self.models.values()))

    @property
    def history(self) -> list[Moment]:
        """The moments of the first model."""
        return self.moments[self.model.spec.key.name]

    def until(self, t_s: float) -> Story:
        """Ticks up to and including `t_s`."""
        while self.now_s + TICK_S <= t_s:
            self.now_s += TICK_S
            self._tick()
        return self

    def plan(self, name: str | None = None) -> ModelPlan:
        """The newest plan of a model."""
        return self.moments[name or self.model.spec.key.name][-1].plan

    def condition(self, type_: str, name: str | None = None) -> Condition:
        """The newest condition of that type."""
        return next(c for c in self.plan(name).conditions if c.type == type_)

    def respec(self, model: Model | None = None, **changes: object) -> None:
        """The user edits the spec (fields of ModelDeployment, or of Scaling)."""
        model = model or self.model
        scaling = {k: changes.pop(k) for k in tuple(changes) if hasattr(model.spec.scaling, k)}
        spec = replace(model.spec, **changes)  # type: ignore[arg-type]
        model.spec = replace(spec, scaling=replace(spec.scaling, **scaling))  # type: ignore[arg-type]

    def forget(self) -> None:
        """The operator restarts."""
        self.memory = Memory()

    def snapshot(self) -> Snapshot:
        """What an observer of the fake cluster sees now."""
        taken: dict[str, int] = {}
        for model in self.models.values():
            for key, child in model.children.items():
                placed = sum(1 for p in child.pods if p.placed)
                taken[key.accelerator_class] = taken.get(key.accelerator_class, 0) + placed
        return Snapshot(
            tuple(self._state(m) for m in self.models.values()),
            dict(self.classes),
            dict(self.budgets),
            {name: max(0, self.slots - taken.get(name, 0)) for name in self.classes},
            unanswered_s=self.unanswered_s,
        )

    def _tick(self) -> None:
        for model in self.models.values():
            for child in model.children.values():
                self._run_pods(child, model)
        snapshot = self.snapshot()
        plan, self.memory = decide(snapshot, self.memory, self.now_s, self.policy)
        for state in snapshot.models:
            ours = plan.models[state.spec.key]
            text(explain(ours, state.spec, self.classes))
            model = self.models[state.spec.key.name]
            self.moments[state.spec.key.name].append(
                Moment(self.now_s, state, ours, self._cost(model))
            )
            if ours.act:
                self._apply(model, ours)

    def _apply(self, model: Model, plan: ModelPlan) -> None:
        goals = {t.key: t for t in plan.targets}
        for key, goal in goals.items():
            child = model.children.setdefault(key, _Child())
            child.replicas, child.batch_cap = goal.replicas, goal.batch_cap
            child.queue_size, child.weight = goal.queue_size, goal.weight
        for key, child in list(model.children.items()):
            if key not in goals:
                child.replicas = 0
            self._run_pods(child, model)
            if not child.replicas and not child.pods:
                del model.children[key]

    def _run_pods(self, child: _Child, model: Model) -> None:
        child.pods = [p for p in child.pods if p.leaves_s is None or p.leaves_s > self.now_s]
        alive = [p for p in child.pods if p.leaves_s is None]
        for _ in range(child.replicas - len(alive)):
            child.pods.append(_FakePod(f"{model.spec.key.name}-{next(self._names)}", self.now_s))
        for pod in sorted(alive, key=lambda p: (p.ready_s is not None, -p.created_s)):
            if len(alive) <= child.replicas:
                break
            alive.remove(pod)
            pod.ready_s, pod.leaves_s = None, self.now_s + self.drain_s
        free = self.slots - sum(
            1 for m in self.models.values() for c in m.children.values() for p in c.pods if p.placed
        )
        for pod in child.pods:
            if not pod.placed and free > 0:
                pod.placed, free = True, free - 1
            started = self.start_up_s is not None and self.now_s >= pod.created_s + self.start_up_s
            if pod.placed and pod.leaves_s is None and pod.ready_s is None and started:
                pod.ready_s = self.now_s

    def _cost(self, model: Model) -> Decimal:
        """What every pod that exists costs, those on their way out included."""
        return sum(
            (
                (self.classes[key.accelerator_class].price_per_hour or Decimal(0)) * len(child.pods)
                for key, child in model.children.items()
                if key.accelerator_class in self.classes
            ),
            Decimal(0),
        )

    def _state(self, model: Model) -> ModelState:
        workloads = tuple(
            Workload(
                key,
                child.replicas,
                tuple(
                    Pod(
                        p.name,
                        p.created_s,
                        p.ready_s,
                        terminating=p.leaves_s is not None,
                        unschedulable=not p.placed,
                    )
                    for p in child.pods
                ),
                child.batch_cap,
                child.foreign_scaler,
                child.queue_size,
            )
            for key, child in sorted(model.children.items())
        )
        readings = model.reshape(self._readings(model, workloads))
        state = ModelState(model.spec, workloads, readings)
        return replace(state, checked=model.answer(state, self.now_s))

    def _readings(self, model: Model, workloads: tuple[Workload, ...]) -> ModelReadings:
        ready = sum(w.ready for w in workloads)
        lost = model.blind
        if lost is None and not ready:
            lost = Missing("NoReadyPods", "No pod is Ready.")
        if lost is not None:
            return ModelReadings(lost, lost, lost, lost, lost)
        rate = self._rate(model, 60.0)
        if rate == 0.0:
            none = NoTraffic(self.now_s)
            return ModelReadings(none, none, none, none, Missing("NoTraffic", "No request."))
        each = self._each(model, workloads, rate / ready)
        return ModelReadings(
            arrival_rate=Known(rate, self.now_s),
            arrival_rate_fast=Known(self._rate(model, 10.0), self.now_s),
            pending=Known(0.0, self.now_s),
            failure_rate=Known(0.0, self.now_s),
            latency_s=Known(max(self._p99s(model, workloads, each), default=0.0), self.now_s),
            latency_source="TritonSummary",
            workloads=tuple(self._measured(model, workloads, each)),
        )

    def _each(
        self, model: Model, workloads: tuple[Workload, ...], even: float
    ) -> dict[WorkloadKey, float]:
        """Requests/s at each Ready pod: a Service's pods alike, a gateway's by weight."""
        if model.spec.routing.type is not RoutingType.GATEWAY:
            return dict.fromkeys((w.key for w in workloads), even)
        rate = even * sum(w.ready for w in workloads)
        return {
            w.key: rate * model.children[w.key].weight / 100 / max(1, w.ready) for w in workloads
        }

    def _rate(self, model: Model, window_s: float) -> float:
        """The mean of the load over the window, as a counter would tell."""
        n = int(window_s / TICK_S)
        times = [self.now_s - i * TICK_S for i in range(n)]
        mean = sum(model.load(t) for t in times if t >= 0) / max(1, sum(t >= 0 for t in times))
        return model.measure(mean, window_s)

    def _p99s(
        self, model: Model, workloads: tuple[Workload, ...], each: dict[WorkloadKey, float]
    ) -> Iterator[float]:
        for workload in workloads:
            curve = _true_curve(model, workload.key)
            if workload.ready and curve is not None:
                served = ReplicaModel(curve, batch_cap=workload.batch_cap or 1)
                yield min(10.0, served.latency_s(each[workload.key], model.spec.slo.percentile))

    def _measured(
        self, model: Model, workloads: tuple[Workload, ...], rates: dict[WorkloadKey, float]
    ) -> Iterator[WorkloadReadings]:
        at = self.now_s
        for workload in workloads:
            curve = _true_curve(model, workload.key)
            if not workload.ready or curve is None:
                continue
            each = rates[workload.key]
            batch = min(float(workload.batch_cap or 1), max(1.0, each * curve.seconds(1)))
            rate = each * workload.ready
            yield model.distort(
                WorkloadReadings(
                    workload.key,
                    rate=Known(rate, at),
                    batch_rate=Known(rate / batch, at),
                    service_time_s=Known(curve.seconds(batch), at),
                    batch_size=Known(batch, at),
                    queue_time_s=Known(0.0, at),
                )
            )


def _true_curve(model: Model, key: WorkloadKey) -> ServiceCurve | None:
    declared = model.spec.variant(key.variant)
    profile = declared.profile_on(key.accelerator_class) if declared else None
    if profile is not None:
        model.profiles[key] = ServiceCurve(tuple((p.batch, p.latency_s) for p in profile.points))
    # Pods of a variant that the spec no longer names are as fast as ever.
    known = model.profiles.get(key)
    return known.scaled(model.truth) if known else None


class UncountedStory(Story):
    """A story in which nobody can count what the nodes still hold."""

    def snapshot(self) -> Snapshot:
        """The same, without the count."""
        return replace(super().snapshot(), schedulable={})


def expect_replicas(story: Story, t_s: float, model: str | None = None, **replicas: int) -> None:
    """Runs the story to `t_s`; then exactly these variants are asked for, with so many replicas."""
    story.until(t_s)
    told = story.models[model] if model else story.model
    counts: dict[str, int] = {}
    for key, child in told.children.items():
        if child.replicas:
            counts[key.variant] = counts.get(key.variant, 0) + child.replicas
    told_of = text(explain(story.plan(model), told.spec, story.classes))
    assert counts == replicas, f"at {t_s:g} s: {counts}\n{told_of}"


def carried(story: Story, moment: Moment) -> float:
    """Requests/s that the Ready pods of that moment carry within the SLO, by their true speed."""
    model = story.models[moment.state.spec.key.name]
    slo = moment.state.spec.slo
    total = 0.0
    for workload in moment.state.workloads:
        curve = _true_curve(model, workload.key)
        if curve is not None:
            served = ReplicaModel(curve, batch_cap=workload.batch_cap or 1)
            total += workload.ready * capacity_rate(served, slo.target_s, slo.percentile)
    return total


def sizes(story: Story, model: str | None = None) -> list[int]:
    """The replicas asked for over all variants, tick by tick."""
    moments = story.moments[model] if model else story.history
    return [sum(t.replicas for t in m.plan.targets) for m in moments]
