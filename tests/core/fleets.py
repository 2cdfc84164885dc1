"""Applying a plan to a snapshot at once, for properties that hold from any fleet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from tests.strategies import Tick
from trimtab.core.plan import ModelPlan, Plan
from trimtab.core.snapshot import ModelState, Pod, Snapshot, Workload, WorkloadKey

_Any = TypeVar("_Any")


def applied(snapshot: Snapshot, plan: Plan, now_s: float) -> Snapshot:
    """The cluster just after the plan was written: new pods start, surplus ones leave."""
    models = []
    for state in snapshot.models:
        ours = plan.models[state.spec.key]
        models.append(_applied(state, ours, now_s) if ours.act else state)
    return replace(snapshot, models=tuple(models))


def _applied(state: ModelState, plan: ModelPlan, now_s: float) -> ModelState:
    goals = {t.key: t for t in plan.targets}
    keys = {w.key for w in state.workloads} | set(goals)
    children = []
    for key in sorted(keys):
        goal = goals.get(key)
        workload = replace(
            state.workload(key),
            replicas=goal.replicas if goal else 0,
            batch_cap=goal.batch_cap if goal else None,
            queue_size=goal.queue_size if goal else None,
        )
        children.append(replace(workload, pods=tuple(_pods(workload, state, now_s))))
    return replace(state, workloads=tuple(c for c in children if c.replicas or c.pods))


def _pods(workload: Workload, state: ModelState, now_s: float) -> Iterator[Pod]:
    alive = [p for p in workload.pods if not p.terminating]
    # The controller removes first what is not Ready.
    kept = sorted(alive, key=lambda p: p.ready_s is None)[: workload.replicas]
    for pod in workload.pods:
        if pod.terminating or pod in kept:
            yield pod
        else:
            yield replace(pod, terminating=True, ready_s=None, unschedulable=False)
    for i in range(workload.replicas - len(kept)):
        yield Pod(f"{state.spec.key.name}-{workload.key}-{now_s:g}-{i}", now_s, None)


def ticked(snapshot: Snapshot, tick: Tick, now_s: float) -> Snapshot:
    """The cluster some time later, with other readings, and with what others did to it."""
    models = []
    for state, readings, others in zip(snapshot.models, tick.readings, tick.workloads, strict=True):
        children = tuple(
            replace(w, pods=tuple(_later(w.pods, tick, now_s)))
            for w in (state.workloads if others is None else others)
        )
        models.append(replace(state, workloads=children, readings=readings))
    return replace(
        snapshot,
        models=tuple(models),
        accelerator_classes=_or(tick.classes, snapshot.accelerator_classes),
        budgets=_or(tick.budgets, snapshot.budgets),
        schedulable=_or(tick.schedulable, snapshot.schedulable),
    )


def _or(new: _Any | None, old: _Any) -> _Any:
    return old if new is None else new


def _later(pods: tuple[Pod, ...], tick: Tick, now_s: float) -> Iterator[Pod]:
    for pod in pods:
        if pod.terminating and tick.left:
            continue
        starts = tick.started and not pod.terminating and pod.ready_s is None
        yield replace(pod, ready_s=now_s, unschedulable=False) if starts else pod


def price_of(snapshot: Snapshot, key: WorkloadKey) -> Decimal | None:
    """The price of that workload's class; None where it is unknown."""
    accelerator = snapshot.accelerator_classes.get(key.accelerator_class)
    return accelerator.price_per_hour if accelerator else None


def cost_of(snapshot: Snapshot, state: ModelState) -> Decimal:
    """What all that exists of a model costs, as far as priced."""
    return sum(
        ((price_of(snapshot, w.key) or Decimal(0)) * w.held for w in state.workloads),
        Decimal(0),
    )
