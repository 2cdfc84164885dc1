"""The status: what it says, and when it is worth a write."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from trimtab.api.resources import (
    ImageSource,
    LatencySlo,
    ModelDeployment,
    ObjectKey,
    TritonSettings,
    Variant,
)
from trimtab.control.events import transitions
from trimtab.control.status import build_problem_status, build_status, needs_write
from trimtab.core.conditions import stalled
from trimtab.core.plan import (
    Condition,
    ConditionStatus,
    Constraint,
    Decision,
    Latency,
    ModelPlan,
    Target,
)
from trimtab.core.snapshot import ModelState, Pod, Workload, WorkloadKey

KEY = WorkloadKey("int8", "cpu")
NOW = 1_000_000.0


def state(replicas: int = 1, generation: int = 3) -> ModelState:
    spec = ModelDeployment(
        key=ObjectKey("shop", "digits"),
        uid="u",
        generation=generation,
        model="digits",
        slo=LatencySlo(99.0, 0.1),
        triton=TritonSettings("triton:1"),
        variants=(Variant("int8", Decimal("0.98"), ImageSource("m:1"), ("cpu",)),),
    )
    pods = tuple(Pod(f"p{i}", 0.0, 1.0) for i in range(replicas))
    return ModelState(spec, (Workload(KEY, replicas, pods, batch_cap=1),))


def plan(action: str = "Hold", replicas: int = 1, ready: bool = True) -> ModelPlan:
    verdict = ConditionStatus.TRUE if ready else ConditionStatus.FALSE
    return ModelPlan(
        key=ObjectKey("shop", "digits"),
        targets=(Target(KEY, replicas, 1),),
        decision=Decision(NOW, action, f"{action} at {replicas}", KEY, replicas, 42.0),
        conditions=(Condition("Ready", verdict, "Serving", "Pods answer."),),
        latency=Latency(0.0412, 0.05, "TritonSummary"),
        cost_per_hour=Decimal("0.10"),
        budget_per_hour=Decimal("0.60"),
    )


def test_what_a_newcomer_reads() -> None:
    status = build_status(state(), plan(), {}, NOW)
    assert status["summary"] == {
        "latency": "p99 41ms",
        "slo": "p99 100ms",
        "variants": "int8",
        "replicas": "1/1",
        "cost": "$0.10/h",
    }
    assert status["cost"] == {"perHour": "0.10", "budgetPerHour": "0.60"}
    assert status["observedGeneration"] == 3


def test_an_estimated_latency_is_marked() -> None:
    estimated = replace(plan(), latency=Latency(0.0412, None, "TritonCounters", estimated=True))
    status = build_status(state(), estimated, {}, NOW)
    assert status["summary"]["latency"] == "p99 ~41ms"
    assert status["latency"]["estimated"] is True


def test_nothing_new_is_no_write() -> None:
    first = build_status(state(), plan(), {}, NOW)
    again = build_status(state(), plan(), first, NOW + 600)
    assert again == first
    assert not needs_write(again, first, 600.0)


def test_figures_that_move_wait_for_the_minute() -> None:
    first = build_status(state(), plan(), {}, NOW)
    moved = replace(plan(), latency=Latency(0.055, 0.05, "TritonSummary"))
    later = build_status(state(), moved, first, NOW + 5)
    assert not needs_write(later, first, 5.0)
    assert needs_write(later, first, 60.0)
    assert needs_write(later, first, None)  # a restarted operator does not know when it wrote


def test_a_transition_is_written_at_once() -> None:
    first = build_status(state(), plan(), {}, NOW)
    up = build_status(state(), plan("ScaleUp", 3), first, NOW + 5)
    assert needs_write(up, first, 5.0)


def test_a_condition_keeps_its_time_until_its_verdict_turns() -> None:
    first = build_status(state(), plan(), {}, NOW)
    same = build_status(state(), plan(), first, NOW + 60)
    turned = build_status(state(), plan(ready=False), same, NOW + 120)
    times = [s["conditions"][0]["lastTransitionTime"] for s in (first, same, turned)]
    assert times[0] == times[1] == "1970-01-12T13:46:40Z"
    assert times[2] == "1970-01-12T13:48:40Z"


def test_an_unusable_spec_keeps_what_was_said_of_the_fleet() -> None:
    first = build_status(state(), plan(), {}, NOW)
    told = build_problem_status(4, first, stalled("InvalidSpec", "spec.model: …"), NOW + 5)
    types = {c["type"]: c["status"] for c in told["conditions"]}
    assert types == {"Ready": "True", "Stalled": "True"}
    assert told["variants"] == first["variants"]
    assert told["observedGeneration"] == 4


def notes(new: dict[str, Any], live: dict[str, Any]) -> list[tuple[str, str]]:
    return [(n.type, n.reason) for n in transitions(new, live)]


def test_events_tell_moves_and_verdicts_that_turn() -> None:
    first = build_status(state(), plan(), {}, NOW)
    up = build_status(state(), plan("ScaleUp", 3), first, NOW + 5)
    assert notes(up, first) == [("Normal", "ScaleUp")]
    assert notes(up, up) == []
    lost = build_status(state(), plan(ready=False), first, NOW + 5)
    assert notes(lost, first) == [("Warning", "Serving")]
    assert notes(first, lost) == [("Normal", "Serving")]


def test_a_constraint_with_other_figures_is_no_transition() -> None:
    held = [
        replace(plan(), decision=replace(plan().decision, constraints=(Constraint("Budget", e),)))
        for e in ("7 wanted, 6 allowed", "8 wanted, 6 allowed")
    ]
    first = build_status(state(), held[0], {}, NOW)
    assert not needs_write(build_status(state(), held[1], first, NOW + 5), first, 5.0)
