"""What exists of models that are not decided on: it costs, and holds accelerators."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.core.builders import INT8, NAMESPACE, accelerator, budget, deployment, steady, variant
from tests.core.story import Model, Story, expect_replicas
from trimtab.api.resources import ObjectKey
from trimtab.core.snapshot import Holding, Pod, Snapshot, Workload, WorkloadKey

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


def test_a_rollout_may_surge_only_where_money_allows_one_more_and_one_that_leaves() -> None:
    spec = deployment(per_hour="0.30")
    story = Story(Model(spec, steady(200)))
    expect_replicas(story, 120, int8=3)
    assert not story.plan().targets[0].may_surge
    story.respec(budget_per_hour=Decimal("0.40"))
    story.until(130)
    assert not story.plan().targets[0].may_surge
    story.respec(budget_per_hour=Decimal("0.50"))
    story.until(140)
    assert story.plan().targets[0].may_surge


def test_a_lone_replica_may_surge_where_money_allows_one_more() -> None:
    """Nothing has given way before its successor comes."""
    spec = deployment(per_hour="0.20")
    story = Story(Model(spec, steady(10)))
    expect_replicas(story, 120, int8=1)
    assert story.plan().targets[0].may_surge


def test_a_learnt_cap_is_not_rendered_where_the_rollout_could_not_surge() -> None:
    spec = deployment(max_batch=8, per_hour="0.10", most=1)
    story = Story(Model(spec, steady(50)))
    story.until(60)
    story.model.children[INT8].batch_cap = 8
    story.model.truth = 0.5
    story.until(200)
    assert {m.plan.targets[0].batch_cap for m in story.history[20:]} == {8}


def test_of_two_rollouts_that_begin_together_one_takes_the_last_place() -> None:
    """Each counted on the room for one pod more, and together they were above the inventory."""
    gains = (variant("int8", "0.98", 10.0, batch_ms={8: 20.0}),)
    specs = [deployment(f"m{i}", variants=gains, max_batch=8, most=1) for i in range(2)]
    models = [Model(spec, steady(50)) for spec in specs]
    story = Story(*models, classes=(accelerator(most=3),))
    story.until(60)
    for model in models:
        model.children[INT8].batch_cap = 1
    story.until(65)
    begin = [story.plan(f"m{i}").targets[0] for i in range(2)]
    assert sum(t.may_surge and t.batch_cap > 1 for t in begin) == 1


def test_what_runs_without_a_price_closes_the_budget_it_is_paid_from() -> None:
    # The l4 replicas cost nobody knows what: the rest of the budget is not known to be there.
    spec = deployment(variants=(variant("int8", "0.98", 10.0, "cpu", "l4"),), per_hour="0.50")
    l4 = WorkloadKey("int8", "l4")
    model = Model(spec, steady(400)).running(l4, 1)
    story = Story(model, classes=(accelerator(), accelerator("l4", price=None)))
    story.until(120)
    assert INT8 not in model.children or model.children[INT8].replicas == 0
    assert model.children[l4].replicas == 1
