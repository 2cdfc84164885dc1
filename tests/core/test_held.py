"""What exists of models that are not decided on: it costs, and holds accelerators."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import INT8, NAMESPACE, accelerator, budget, deployment, steady
from tests.core.story import Model, Story, expect_replicas
from trimtab.api.resources import ObjectKey
from trimtab.core.snapshot import Holding, Pod, Snapshot, Workload

SHARED = ObjectKey(NAMESPACE, "shared")


class Held(Story):
    """Beside the story's models, `held` replicas of one whose resource cannot be read."""

    held = 4

    def snapshot(self) -> Snapshot:
        pods = tuple(Pod(f"x{i}", 0.0, 1.0) for i in range(self.held))
        holding = Holding(SHARED, (Workload(INT8, self.held, pods),))
        return replace(super().snapshot(), holdings=(holding,))


def test_an_unreadable_model_still_spends_the_shared_budget() -> None:
    spec = deployment(shared="shared")
    story = Held(Model(spec, steady(500)), budgets=(budget("0.60"),))
    expect_replicas(story, 300, int8=2)
    assert story.plan().decision.binding == "SharedBudget"


def test_an_unreadable_model_still_holds_its_accelerators() -> None:
    story = Held(Model(deployment(), steady(500)), classes=(accelerator(most=6),))
    expect_replicas(story, 300, int8=2)


def test_a_rollout_may_surge_only_where_money_allows_one_more() -> None:
    spec = deployment(per_hour="0.30")
    story = Story(Model(spec, steady(200)))
    expect_replicas(story, 120, int8=3)
    assert not story.plan().targets[0].may_surge
    story.respec(budget_per_hour=Decimal("0.50"))
    story.until(130)
    assert story.plan().targets[0].may_surge


def test_a_learnt_cap_is_not_rendered_where_the_rollout_could_not_surge() -> None:
    spec = deployment(max_batch=8, per_hour="0.10", most=1)
    story = Story(Model(spec, steady(50)))
    story.until(60)
    story.model.children[INT8].batch_cap = 8
    story.model.truth = 0.5
    story.until(200)
    assert {m.plan.targets[0].batch_cap for m in story.history[20:]} == {8}
