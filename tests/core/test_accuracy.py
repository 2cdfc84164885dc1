"""The floor excludes, and MaximizeAccuracy buys the best that the budget carries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import accelerator, deployment, steady, variant
from tests.core.story import Model, Story, expect_replicas
from trimtab.api.resources import Objective
from trimtab.core.plan import ConditionStatus

INT8 = variant("int8", "0.90", 10.0)
FP16 = variant("fp16", "0.95", 15.0)
FP32 = variant("fp32", "0.99", 25.0)
ALL = (INT8, FP16, FP32)


def test_the_floor_excludes_the_cheaper_variant_and_says_so() -> None:
    story = Story(Model(deployment(variants=ALL, floor="0.95"), steady(100)))
    expect_replicas(story, 200, fp16=3)
    told = {a.key.variant: a.why_not for a in story.plan().decision.alternatives}
    assert told["int8"] == "accuracy 0.90 is below the floor 0.95"


def test_the_floor_holds_when_only_what_is_below_it_could_carry_the_load() -> None:
    story = Story(Model(deployment(variants=ALL, floor="0.99", per_hour="0.20"), steady(300)))
    expect_replicas(story, 300, fp32=2)
    assert story.condition("SLOMet").status is ConditionStatus.FALSE


def test_a_floor_above_every_variant_stalls() -> None:
    story = Story(Model(deployment(variants=ALL, floor="0.999"), steady(100)))
    story.until(60)
    assert not story.model.children
    assert "below the floor" in story.condition("Stalled").message


def test_the_most_accurate_inside_the_budget_is_chosen() -> None:
    spec = replace(deployment(variants=ALL, per_hour="0.40"), objective=Objective.MAXIMIZE_ACCURACY)
    expect_replicas(Story(Model(spec, steady(30))), 300, fp32=2)
    expect_replicas(Story(Model(spec, steady(100))), 300, fp16=3)
    expect_replicas(Story(Model(spec, steady(250))), 300, int8=4)


def test_accuracy_on_the_class_counts_and_not_the_variants_own() -> None:
    (on_cpu,) = INT8.profiles
    weak = replace(INT8, profiles=(replace(on_cpu, accuracy=Decimal("0.5")),))
    story = Story(Model(deployment(variants=(weak, FP32), floor="0.85"), steady(30)))
    expect_replicas(story, 120, fp32=2)


def test_a_target_below_the_idle_latency_is_said_with_its_mend() -> None:
    story = Story(Model(deployment(target_ms=5.0), steady(30)))
    story.until(120)
    message = story.condition("SLOMet").message
    assert "Even an idle replica" in message
    assert "spec.slo.latency.target" in message


def test_the_variant_that_meets_the_slo_wins_over_one_that_is_cheaper() -> None:
    classes = (accelerator("cpu", "0.10"), accelerator("l4", "0.80"))
    slow, fast = variant("int8", "0.9", 150.0), variant("fp32", "0.99", 5.0, "l4")
    story = Story(Model(deployment(variants=(slow, fast)), steady(30)), classes=classes)
    expect_replicas(story, 120, fp32=1)
