"""The status: what it says, and when it is worth a write."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from trimtab.api.resources import (
    AcceleratorClass,
    ImageSource,
    LatencySlo,
    ModelDeployment,
    ObjectKey,
    TritonSettings,
    Variant,
)
from trimtab.control.events import transitions
from trimtab.control.status import Figures, News, build_problem_status, news_of
from trimtab.control.status import build_status as status_of
from trimtab.control.status_read import read_status
from trimtab.core.conditions import stalled
from trimtab.core.explain import Explanation, explain
from trimtab.core.plan import (
    Alternative,
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


CLASSES = {"cpu": AcceleratorClass("cpu", (("cpu", "1"),), Decimal("0.10"))}


def told(of: ModelPlan, at: ModelState) -> Explanation:
    return explain(of, at.spec, CLASSES)


def build_status(
    at: ModelState, of: ModelPlan, previous: dict[str, Any], now_s: float
) -> dict[str, Any]:
    fresh = replace(of, decision=replace(of.decision, time_s=now_s))
    return status_of(at, told(fresh, at), previous, now_s)


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


def test_variants_that_share_the_traffic_are_told_with_their_weights() -> None:
    other = WorkloadKey("fp32", "cpu")
    both = replace(state(), workloads=(*state().workloads, Workload(other, 2, ())))
    targets = (Target(KEY, 1, 1, weight=61), Target(other, 2, 1, weight=39))
    status = build_status(both, replace(plan(), targets=targets), {}, NOW)
    assert [(v["name"], v["weight"]) for v in status["variants"]] == [("int8", 61), ("fp32", 39)]
    assert [(w["variant"], w["weight"]) for w in status["decision"]["decided"]] == [
        ("int8", 61),
        ("fp32", 39),
    ]
    assert status["summary"]["variants"] == "fp32, int8"
    assert status["summary"]["replicas"] == "1/3"


def test_an_estimated_latency_is_marked() -> None:
    estimated = replace(plan(), latency=Latency(0.0412, None, "TritonCounters", estimated=True))
    status = build_status(state(), estimated, {}, NOW)
    assert status["summary"]["latency"] == "p99 ~41ms"
    assert status["latency"]["estimated"] is True


def test_what_caches_answer_is_told_where_there_are_some() -> None:
    assert "responseCache" not in build_status(state(), plan(), {}, NOW)
    first = build_status(state(), replace(plan(), hit_share=0.0), {}, NOW)
    assert first["responseCache"] == {"hitShare": "0 %"}
    moved = build_status(state(), replace(plan(), hit_share=0.72), first, NOW + 5)
    assert moved["responseCache"] == {"hitShare": "72 %"}
    assert news_of(moved, first) is News.FIGURES


def test_nothing_new_is_no_write() -> None:
    first = build_status(state(), plan(), {}, NOW)
    again = build_status(state(), plan(), first, NOW + 600)
    assert again == first
    assert news_of(again, first) is News.NONE


def test_figures_that_move_wait_for_the_minute() -> None:
    first = build_status(state(), plan(), {}, NOW)
    moved = replace(plan(), latency=Latency(0.055, 0.05, "TritonSummary"))
    later = build_status(state(), moved, first, NOW + 5)
    assert news_of(later, first) is News.FIGURES
    figures = Figures()
    figures.begin(1, 5.0)
    assert not figures.take(5.0)
    assert figures.take(60.0)
    assert figures.take(-3600.0)  # the clock went back by an hour
    assert figures.take(None)  # a restarted operator does not know when it wrote


def test_a_figure_is_written_again_once_it_is_a_tenth_off() -> None:
    def at(observed_s: float, previous: dict[str, Any]) -> dict[str, Any]:
        measured = replace(plan(), latency=Latency(observed_s, 0.05, "TritonSummary"))
        return build_status(state(), measured, previous, NOW)

    first = at(0.100, {})
    assert news_of(at(0.105, first), first) is News.NONE
    assert news_of(at(0.092, first), first) is News.NONE
    assert news_of(at(0.115, first), first) is News.FIGURES
    assert news_of(at(0.080, first), first) is News.FIGURES


def test_other_words_are_written_whatever_their_figures_are() -> None:
    first = build_status(state(), plan(), {}, NOW)
    decision = replace(plan().decision, summary="Hold at 1, since nothing else fits")
    other = build_status(state(), replace(plan(), decision=decision), first, NOW)
    assert news_of(other, first) is News.FIGURES


def test_a_number_in_a_name_is_no_figure() -> None:
    def at(variant: str, previous: dict[str, Any]) -> dict[str, Any]:
        decision = replace(plan().decision, wanted=WorkloadKey(variant, "cpu"), summary="as it is")
        return build_status(state(), replace(plan(), decision=decision), previous, NOW)

    for before, after in (("v20", "v21"), ("student-20", "student-21"), ("20b", "21b")):
        first = at(before, {})
        assert news_of(at(after, first), first) is News.FIGURES
    told = replace(plan().decision, summary="v20 on cpu: 1 replica")
    first = build_status(state(), replace(plan(), decision=told), {}, NOW)
    other = replace(plan(), decision=replace(told, summary="v21 on cpu: 1 replica"))
    assert news_of(build_status(state(), other, first, NOW), first) is News.FIGURES


def test_a_time_is_written_again_once_it_is_a_minute_off() -> None:
    def at(next_s: float, previous: dict[str, Any]) -> dict[str, Any]:
        decision = replace(plan().decision, next_change_allowed_at_s=next_s)
        return build_status(state(), replace(plan(), decision=decision), previous, NOW)

    first = at(NOW + 100, {})
    assert news_of(at(NOW + 150, first), first) is News.NONE
    assert news_of(at(NOW + 170, first), first) is News.FIGURES


def test_the_figures_of_a_large_fleet_take_turns() -> None:
    """All of a thousand models, due in the minute after a start, held a decision up for half a
    minute; and none waits for ever for those before it."""
    figures, written_s, now_s = Figures(), dict.fromkeys(range(1000), 0.0), 0.0
    for _ in range(200):
        now_s += 5.0
        figures.begin(len(written_s), 5.0)
        due = [m for m, at_s in written_s.items() if figures.take(now_s - at_s)]
        assert len(due) <= 20
        written_s.update(dict.fromkeys(due, now_s))
    assert min(written_s.values()) >= now_s - 500.0


def test_a_transition_is_written_at_once() -> None:
    first = build_status(state(), plan(), {}, NOW)
    up = build_status(state(), plan("ScaleUp", 3), first, NOW + 5)
    assert news_of(up, first) is News.TRANSITION


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
    assert news_of(build_status(state(), held[1], first, NOW + 5), first) is News.FIGURES


def full() -> ModelPlan:
    """A plan with everything a decision can say."""
    decision = Decision(
        NOW,
        "ScaleUp",
        "int8 on cpu: 1 -> 6 replicas",
        KEY,
        9,
        812.0,
        (Constraint("Budget", "9 wanted, 6 allowed"), Constraint("ShrinkStep", "1 at a time")),
        "Budget",
        (Alternative(WorkloadKey("fp32", "cpu"), 8, Decimal("0.80"), Decimal("0.99"), "dearer"),),
        NOW + 60,
        0.0042,
    )
    targets = (Target(KEY, 6, 1, weight=90),)
    return replace(plan(), decision=decision, targets=targets, hit_share=0.72)


def test_what_explains_a_decision_is_read_back_as_it_was_written() -> None:
    """`trimtab explain` and `trimtab plan` say the same because they print the same thing."""
    words = told(full(), state())
    status = status_of(state(), words, {}, NOW)
    assert read_status("shop/digits", status) == words
    assert status["decision"]["gap"] == "0.42 %"
    assert status["decision"]["decided"] == [
        {
            "variant": "int8",
            "acceleratorClass": "cpu",
            "replicas": 6,
            "costPerHour": "0.60",
            "accuracy": "0.98",
            "weight": 90,
        }
    ]


def test_a_status_without_a_decision_explains_nothing() -> None:
    assert read_status("shop/digits", {}) is None
    problem = build_problem_status(1, {}, stalled("InvalidSpec", "…"), NOW)
    assert read_status("shop/digits", problem) is None


def test_a_status_of_an_older_version_is_read_as_far_as_it_goes() -> None:
    old = {"decision": {"action": "Hold", "wanted": {"variant": "int8"}}, "cost": {"perHour": "?"}}
    words = read_status("shop/digits", old)
    assert words is not None
    assert (words.action, words.cost_per_hour, words.decided) == ("Hold", None, ())


def test_the_event_says_what_binds_and_how() -> None:
    first = build_status(state(), plan(), {}, NOW)
    (note,) = transitions(status_of(state(), told(full(), state()), first, NOW), first)
    assert note.message == "int8 on cpu: 1 -> 6 replicas: 9 wanted, 6 allowed"


def test_advice_that_moves_is_written_at_once() -> None:
    """Nothing else of a fleet that is only advised on moves with it."""
    first = build_status(state(), plan("ScaleUp", 3), {}, NOW)
    more = build_status(state(), plan("ScaleUp", 4), first, NOW + 5)
    assert news_of(more, first) is News.TRANSITION
