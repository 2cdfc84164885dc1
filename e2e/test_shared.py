"""Models that share money, models that a hand scales, and models that are only advised on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from e2e.kit.access import wait_for
from e2e.kit.command import trimtab
from e2e.kit.recorder import Moment
from e2e.kit.saturation import step_beyond
from e2e.kit.served import CHILD_KINDS, Stage

BUDGET = Decimal("0.50")
UNBOUNDED = {"minReplicas": 1, "maxReplicas": 8, "scaleDown": {"stabilization": "45s"}}


def shared(stage: Stage, name: str, priority: int) -> dict[str, Any]:
    """A digits model on the shared budget alone, of one variant, so that a replica is 0.10."""
    model = stage.digits(
        name, budgetRef={"name": "vision"}, priority=priority, scaling=dict(UNBOUNDED)
    )
    del model["spec"]["budget"]
    model["spec"]["variants"] = [v for v in model["spec"]["variants"] if v["name"] == "int8"]
    return model


# -- advice ---------------------------------------------------------------------------------


def test_advice_is_told_and_nothing_is_written(stage: Stage) -> None:
    advised = {"mode": "Advise", "minReplicas": 2}
    stage.put(stage.digits("advised", scaling=advised))
    wait_for("advice", lambda: "decision" in stage.status("advised"), seconds=30)
    decision = stage.status("advised")["decision"]
    assert decision["action"] == "Start"
    assert [(w["variant"], w["replicas"]) for w in decision["decided"]] == [("int8", 2)]
    assert [a["variant"] for a in decision["alternatives"]] == ["fp32"]
    assert decision["alternatives"][0]["whyNot"]
    assert stage.condition("Reconciling", "advised") == ("False", "NotActing")
    selector = "trimtab.dev/model-deployment=advised"
    for kind in CHILD_KINDS:
        assert stage.get(kind, "-l", selector)["items"] == [], kind


def test_advice_that_is_taken_is_acted_on(stage: Stage) -> None:
    stage.kubectl(
        *("patch", "md", "advised", "--type=merge", "-p"),
        json.dumps({"spec": {"scaling": {"mode": "Auto", "minReplicas": 1}}}),
    )
    wait_for("a Deployment", lambda: stage.replicas("advised") == 1, seconds=30)
    stage.kubectl("delete", "md", "advised")


# -- by hand ----------------------------------------------------------------------------------


def test_kubectl_scale_is_obeyed_both_ways_and_explained(stage: Stage) -> None:
    manual = {"variant": "int8", "acceleratorClass": "cpu-quarter", "replicas": 1}
    stage.put(stage.digits("by-hand", scaling={"mode": "Manual", "manual": manual}))
    stage.await_condition("Ready", "True", name="by-hand", seconds=120)
    for replicas in (2, 1):
        stage.kubectl("scale", "modeldeployment", "by-hand", f"--replicas={replicas}")

        def obeyed(replicas: int = replicas) -> bool:
            decided = stage.status("by-hand")["decision"].get("decided") or [{}]
            told = decided[0].get("replicas") == replicas
            return told and stage.replicas("by-hand") == replicas

        wait_for(f"{replicas} replicas, run and told", obeyed, seconds=30)
    scale = json.loads(stage.kubectl("get", "--raw", _scale_of(stage, "by-hand")))
    assert scale["spec"]["replicas"] == 1
    stage.kubectl("delete", "md", "by-hand")


def _scale_of(stage: Stage, name: str) -> str:
    root = "/apis/trimtab.dev/v1alpha1"
    return f"{root}/namespaces/{stage.namespace}/modeldeployments/{name}/scale"


# -- one budget -------------------------------------------------------------------------------


class Fight:
    """Two models that both want most of one budget, and the record of what each had."""

    def __init__(self, stage: Stage, rate: int, records: dict[str, list[Moment]]) -> None:
        self.stage = stage
        self.rate = rate
        self.records = records

    def spent(self) -> list[Decimal]:
        """What all pods of both cost at each moment that was recorded of the first."""
        first, second = self.records.values()
        total = []
        for moment in first:
            at_once = min(second, key=lambda m: abs(m.at_s - moment.at_s), default=None)
            if at_once is not None and abs(at_once.at_s - moment.at_s) < 2.0:
                total.append(moment.cost_per_hour + at_once.cost_per_hour)
        return total


@pytest.fixture(scope="module")
def fight(stage: Stage, most: float) -> Iterator[Fight]:
    """`first` (priority 100) and `second` (priority 1) under load, on five replicas of money."""
    stage.put(
        {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "InferenceBudget",
            "metadata": {"name": "vision", "namespace": stage.namespace},
            "spec": {"perHour": f"{BUDGET:f}"},
        }
    )
    names = {"first": 100, "second": 1}
    for name, priority in names.items():
        stage.put(shared(stage, name, priority))
    for name in names:
        stage.await_condition("Ready", "True", name=name, seconds=120)
    # What two replicas answer at most, so that each model asks for three at least, of which money
    # holds five together.
    rate = step_beyond(most, 2.0)
    ways = {name: stage.way_in(name) for name in names}
    with ExitStack() as stack:
        records = {name: stack.enter_context(stage.record(name)) for name in names}
        for seed, name in enumerate(names):
            stack.enter_context(stage.load(ways[name], f"600s@{rate}", seed=seed))
        yield Fight(stage, rate, {name: record.moments for name, record in records.items()})


def test_the_higher_keeps_its_capacity_and_the_lower_its_minimum(fight: Fight) -> None:
    stage = fight.stage
    wait_for("the first to have grown", lambda: stage.replicas("first") >= 3, seconds=90)
    wait_for("all the money to be spent", lambda: _replicas(stage) == 5, seconds=60)
    assert stage.replicas("first") > stage.replicas("second") >= 1


def test_the_status_says_who_binds_and_what_would_mend_it(fight: Fight) -> None:
    stage = fight.stage

    def told() -> bool:
        decision = stage.status("second")["decision"]
        return "SharedBudget" in {c["name"] for c in decision["constraints"]}

    wait_for("the shared budget to be named", told, seconds=60)
    stage.await_condition("SLOMet", "False", name="second", seconds=60)
    message = next(
        c["message"] for c in stage.status("second")["conditions"] if c["type"] == "SLOMet"
    )
    assert "raise the InferenceBudget" in message
    assert "on the way" not in message


def test_explain_and_plan_say_what_the_status_holds(fight: Fight) -> None:
    stage = fight.stage
    here = ("-n", stage.namespace, "--kubeconfig", str(stage.access.kubeconfig))
    done = trimtab("explain", "second", *here)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    said = " ".join(done.stdout.split())
    status = stage.status("second")
    assert "binds SharedBudget" in said
    assert status["decision"]["decided"][0]["variant"] in said
    assert trimtab("explain", "nobody", *here).returncode == 1
    rates = [f"--rate={name}={fight.rate}" for name in ("first", "second")]
    options = ("--cluster", *here, *rates, "--output", "json")

    def planned() -> dict[str, int]:
        done = trimtab("plan", *options)
        assert done.returncode == 0, done.stderr
        plan = json.loads(done.stdout)
        assert Decimal(plan["costPerHour"]) <= BUDGET
        told = {name: plan["models"][f"{stage.namespace}/{name}"] for name in ("first", "second")}
        return {name: sum(v["replicas"] for v in m["variants"]) for name, m in told.items()}

    def run() -> dict[str, int]:
        return {name: stage.replicas(name) for name in ("first", "second")}

    # The operator may be about to move a replica between them.
    wait_for("the plan to be what runs", lambda: planned() == run(), seconds=60)


def test_the_budget_held_at_every_moment(fight: Fight) -> None:
    spent = fight.spent()
    assert len(spent) > 20
    assert max(spent) <= BUDGET


def _replicas(stage: Stage) -> int:
    return stage.replicas("first") + stage.replicas("second")
