"""Variants whose answers are wrong where they are served: out of the plan, and no harm done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.core.builders import FP32, INT8, accelerator, deployment, steady, steps, variant
from tests.core.story import Model, Story, carried
from trimtab.api.resources import (
    ImageSource,
    ManualScale,
    ModelDeployment,
    OutputCheck,
    Scaling,
    ScalingMode,
)
from trimtab.core.agreement import fingerprint, fingerprints
from trimtab.core.plan import ConditionStatus
from trimtab.core.snapshot import Agreement, Checked, ModelState, NoAnswer, WorkloadKey

CLASS = accelerator()
CHECK = OutputCheck("sample", "sample.json", Decimal("0.98"), 600.0)
ITEMS = 50
FAST = variant("int8", "0.985", 10.0)
EXACT = variant("fp32", "0.99", 25.0)


@dataclass
class Pods:
    """Asks every workload `after_s` seconds after it has become Ready, and remembers the answer as
    the status does. agreed: of ITEMS, all where nothing is said; None gives no answer."""

    agreed: dict[WorkloadKey, int | None] = field(default_factory=dict)
    after_s: float = 5.0
    ready_s: dict[tuple[WorkloadKey, str], float] = field(default_factory=dict)
    known: dict[WorkloadKey, Agreement] = field(default_factory=dict)

    def __call__(self, state: ModelState, now_s: float) -> Checked:
        unasked, unanswered = set(), {}
        now = fingerprints(state.spec, {CLASS.name: CLASS})
        for workload in (w for w in state.workloads if w.ready):
            key, source = workload.key, now.get(workload.key, "")
            known = self.known.get(key)
            if known is not None and known.fingerprint == source:
                continue
            if now_s - self.ready_s.setdefault((key, source), now_s) < self.after_s:
                unasked.add(key)
                continue
            agreed = self.agreed.get(key, ITEMS)
            if agreed is None:
                unanswered[key] = NoAnswer("SampleMissing", "there is no ConfigMap shop/sample.")
            else:
                self.known[key] = Agreement(key, agreed, ITEMS, now_s, source, "s", "t")
        return Checked(tuple(self.known.values()), unanswered, frozenset(unasked))


def checked(pods: Pods, load: float = 100.0, **changes: object) -> Story:
    """A story of two variants, of which int8 is the cheaper, with an output check."""
    spec = deployment(variants=(EXACT, FAST), **changes)  # type: ignore[arg-type]
    return Story(Model(replace(spec, output_check=CHECK), steady(load), answer=pods))


def runs(story: Story) -> set[WorkloadKey]:
    return {k for k, child in story.model.children.items() if child.replicas}


def why_not(story: Story, key: WorkloadKey) -> str:
    return next(a.why_not for a in story.plan().decision.alternatives if a.key == key)


def test_a_wrong_variant_gives_way_to_a_right_one() -> None:
    story = checked(Pods({INT8: 43}))
    story.until(10)
    assert runs(story) == {INT8}
    assert story.condition("OutputsAgree").status is ConditionStatus.UNKNOWN
    story.until(15)
    assert runs(story) == {INT8, FP32}  # make before break
    found = story.condition("OutputsAgree")
    assert (found.status, found.reason) == (ConditionStatus.FALSE, "OutputsDisagree")
    assert found.message == (
        "int8 on cpu agrees with the reference on 86.0 % of 50 samples, 98 % asked. It is"
        " out of the plan, and serves until another variant is Ready."
    )
    story.until(200)
    assert runs(story) == {FP32}
    assert why_not(story, INT8) == ("agrees with the reference on 86.0 % of 50 samples, 98 % asked")
    found = story.condition("OutputsAgree")
    assert (found.status, found.reason) == (ConditionStatus.TRUE, "VariantLeftOut")
    assert all(carried(story, m) >= 100 for m in story.history if m.t_s >= 120)


def test_the_wrong_one_serves_until_the_right_one_can() -> None:
    """Six answers of seven are better than none."""
    story = checked(Pods({INT8: 43}))
    story.until(200)
    served = [sum(w.ready for w in m.state.workloads) for m in story.history if m.t_s >= 10]
    assert min(served) >= 1


def test_a_wrong_one_is_not_kept_until_the_next_was_asked() -> None:
    pods = Pods({INT8: 43})
    story = checked(pods)
    story.until(15)
    pods.after_s = 300.0
    story.until(150)
    assert runs(story) == {FP32}
    assert FP32 not in pods.known


def test_a_wrong_variant_never_takes_over() -> None:
    pods = Pods({INT8: 43}, after_s=30.0)
    story = checked(pods, floor="0.99")
    story.until(300)
    assert runs(story) == {FP32}
    fp32 = story.model.children[FP32].replicas
    story.respec(min_accuracy=Decimal(0))  # now the cheaper one may serve
    held = []
    for t_s in range(305, 500, 5):
        story.until(t_s)
        assert story.model.children[FP32].replicas == fp32
        held += [c.name for c in story.plan().decision.constraints]
    assert "OutputCheck" in held
    assert INT8 in pods.known
    assert runs(story) == {FP32}


def test_a_right_variant_takes_over_once_it_was_asked() -> None:
    story = checked(Pods(), floor="0.99")
    story.until(300)
    story.respec(min_accuracy=Decimal(0))
    story.until(420)
    assert runs(story) == {INT8}
    assert story.condition("OutputsAgree").reason == "OutputsAgree"


def test_a_switch_that_waits_for_answers_keeps_the_budget() -> None:
    pods = Pods({INT8: 43}, after_s=60.0)
    story = checked(pods, load=60.0, floor="0.99", per_hour="0.50")
    story.until(300)
    story.respec(min_accuracy=Decimal(0), budget_per_hour=Decimal("0.30"))
    story.until(700)
    assert all(m.cost <= Decimal("0.30") for m in story.history if m.t_s >= 330)


def test_an_answer_that_cannot_be_had_changes_nothing() -> None:
    story, plain = (
        checked(Pods({INT8: None, FP32: None})),
        Story(Model(deployment(variants=(EXACT, FAST)), steady(100))),
    )
    story.until(200)
    plain.until(200)
    assert [m.plan.targets for m in story.history] == [m.plan.targets for m in plain.history]
    found = story.condition("OutputsAgree")
    assert (found.status, found.reason) == (ConditionStatus.UNKNOWN, "SampleMissing")
    assert "shop/sample" in found.message
    assert not [c for c in plain.plan().conditions if c.type == "OutputsAgree"]


def test_where_nothing_else_may_run_it_serves_on_and_scales() -> None:
    spec = replace(deployment(variants=(FAST,)), output_check=CHECK)
    story = Story(Model(spec, steps((0, 100), (100, 400)), answer=Pods({INT8: 43})))
    story.until(60)
    found = story.condition("OutputsAgree")
    assert found.status is ConditionStatus.FALSE
    assert found.message.endswith(
        "Nothing else may run, so it serves on: add a variant that is right there."
    )
    before = story.model.children[INT8].replicas
    story.until(200)
    assert story.model.children[INT8].replicas > before
    assert story.condition("Stalled").status is ConditionStatus.FALSE


def test_where_all_are_wrong_what_serves_stays() -> None:
    """It may well be the sample that is wrong."""
    story = checked(Pods({INT8: 43, FP32: 40}))
    story.until(200)
    settled = runs(story)
    assert len(settled) == 1
    for t_s in range(205, 600, 5):
        story.until(t_s)
        assert runs(story) == settled
    assert story.condition("Stalled").status is ConditionStatus.FALSE


def test_a_new_image_or_path_gets_a_new_chance() -> None:
    pods = Pods({INT8: 43})
    story = checked(pods)
    story.until(200)
    assert runs(story) == {FP32}
    pods.agreed = {}
    mended = replace(FAST, source=ImageSource("r", path="mended"))
    story.respec(variants=(EXACT, mended))
    story.until(600)
    assert runs(story) == {INT8}
    assert story.condition("OutputsAgree").reason == "OutputsAgree"


def test_a_lower_bar_lets_it_back() -> None:
    story = checked(Pods({INT8: 43}))
    story.until(200)
    story.respec(output_check=replace(CHECK, min_agreement=Decimal("0.86")))
    story.until(600)
    assert runs(story) == {INT8}


def test_an_operator_that_begins_anew_does_not_bring_it_back() -> None:
    story = checked(Pods({INT8: 43}))
    story.until(200)
    story.forget()
    story.until(400)
    assert all(m.plan.targets[0].key == FP32 for m in story.history if m.t_s >= 205)


def test_mode_manual_is_obeyed() -> None:
    pods = Pods({INT8: 43})
    story = checked(pods)
    by_hand = Scaling(ScalingMode.MANUAL, manual=ManualScale("int8", "cpu", 2))
    story.respec(scaling=by_hand)
    story.until(100)
    assert runs(story) == {INT8}
    story.respec(scaling=replace(by_hand, manual=ManualScale("int8", "cpu", 3)))
    story.until(110)
    assert story.model.children[INT8].replicas == 3
    found = story.condition("OutputsAgree")
    assert found.status is ConditionStatus.FALSE
    assert "spec.scaling.manual" in found.message


def test_a_fingerprint_is_of_what_answers_and_not_of_the_batch_cap() -> None:
    def of(md: ModelDeployment) -> str:
        return fingerprint(md, md.variants[0], CLASS)

    md = deployment(variants=(FAST,))
    assert of(deployment(variants=(FAST,), max_batch=16, most=5)) == of(md)
    other = replace(md, triton=replace(md.triton, image="triton:2"))
    assert of(other) != of(md)
    moved = replace(CLASS, node_selector=(("cpu", "old"),))
    assert fingerprint(md, FAST, moved) != of(md)
