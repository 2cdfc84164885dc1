"""What holds for every fleet, every reading and every past."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.fleets import applied, cost_of, price_of, ticked
from tests.strategies import BUDGET, START_S, snapshots, ticks
from trimtab.api.resources import RoutingType, ScalingMode
from trimtab.core.decide import decide
from trimtab.core.explain import explain
from trimtab.core.explain_text import text
from trimtab.core.ledger import held_replicas
from trimtab.core.memory import Memory
from trimtab.core.plan import ConditionStatus, ModelPlan, Plan
from trimtab.core.signals import is_blind
from trimtab.core.snapshot import ModelState, Snapshot, Workload

TYPES = ["Ready", "Reconciling", "Stalled", "MetricsAvailable", "SLOMet", "WithinBudget"]
MANY = 1_000_000


class Scene:
    """One decision, reached by random ticks: before, the plan, and after it was applied."""

    def __init__(self, data: st.DataObject) -> None:
        snapshot: Snapshot = data.draw(snapshots())
        memory, now_s = Memory(), START_S
        for _ in range(data.draw(st.integers(0, 3))):
            plan, memory = decide(snapshot, memory, now_s)
            snapshot = applied(snapshot, plan, now_s)
            tick = data.draw(ticks(snapshot))
            now_s += tick.after_s
            snapshot = ticked(snapshot, tick, now_s)
        self.now_s = now_s
        self.memory = memory
        self.before = snapshot
        self.plan, self.next_memory = decide(snapshot, memory, now_s)
        self.after = applied(snapshot, self.plan, now_s)

    def models(self) -> list[tuple[ModelState, ModelPlan]]:
        """Each model before, with its plan."""
        return [(s, self.plan.models[s.spec.key]) for s in self.before.models]

    def words(self, state: ModelState, plan: ModelPlan) -> str:
        """The decision as people read it."""
        return text(explain(plan, state.spec, self.before.accelerator_classes))

    def growth(self, state: ModelState) -> dict[Workload, int]:
        """How much is added to each workload of a model that acts."""
        plan = self.plan.models[state.spec.key]
        if not plan.act:
            return {}
        return {
            state.workload(t.key): t.replicas - state.workload(t.key).replicas for t in plan.targets
        }


def targets_stay_between_nothing_and_the_maximum(scene: Scene) -> None:
    for state, plan in scene.models():
        most = (
            MANY
            if state.spec.scaling.mode is ScalingMode.MANUAL
            else (state.spec.scaling.max_replicas)
        )
        assert len({t.key for t in plan.targets}) == len(plan.targets)
        for target in plan.targets if plan.act else ():
            assert 0 <= target.replicas <= most


def the_batch_cap_is_one_that_triton_can_run(scene: Scene) -> None:
    for state, plan in scene.models():
        chosen = plan.decision.wanted
        for target in plan.targets if plan.act else ():
            assert target.batch_cap >= 1
            if target.key == chosen:
                assert target.batch_cap <= state.spec.triton.max_batch_size


def nothing_is_refused_but_by_the_users_leave(scene: Scene) -> None:
    for state, plan in scene.models():
        most = state.spec.triton.max_queue_size
        for target in plan.targets if plan.act else ():
            assert target.queue_size is None or 1 <= target.queue_size <= most


def nothing_is_added_beyond_a_budget(scene: Scene) -> None:
    shared = [Decimal(0), Decimal(0)]
    for before, after in zip(scene.before.models, scene.after.models, strict=True):
        cost, then = cost_of(scene.before, before), cost_of(scene.before, after)
        own = before.spec.budget_per_hour
        if own is not None:
            assert then <= max(own, cost)
        if before.spec.budget_ref == "shared":
            shared[0] += cost
            shared[1] += then
        if before.spec.budget_ref == "absent":
            assert then <= cost
    assert shared[1] <= max(scene.before.budgets[BUDGET].per_hour, shared[0])


def what_is_asked_for_fits_every_budget(scene: Scene) -> None:
    # Pods may still be leaving; what is asked for obeys at once, whoever acts.
    shared = held = Decimal(0)
    for state, plan in scene.models():
        asked = sum(
            ((price_of(scene.before, t.key) or Decimal(0)) * t.replicas for t in plan.targets),
            Decimal(0),
        )
        own = state.spec.budget_per_hour
        if plan.act and own is not None:
            assert asked <= own
        if state.spec.budget_ref == "shared":
            shared += asked if plan.act else Decimal(0)
            held += Decimal(0) if plan.act else cost_of(scene.before, state)
    assert shared <= max(Decimal(0), scene.before.budgets[BUDGET].per_hour - held)


def nothing_is_added_beyond_an_inventory(scene: Scene) -> None:
    for name, accelerator in scene.before.accelerator_classes.items():
        if accelerator.max_replicas is None:
            continue
        held = [
            sum(
                held_replicas(w)
                for s in snapshot.models
                for w in s.workloads
                if w.key.accelerator_class == name
            )
            for snapshot in (scene.before, scene.after)
        ]
        assert held[1] <= max(accelerator.max_replicas, held[0])


def nothing_new_starts_below_the_floor(scene: Scene) -> None:
    for state, plan in scene.models():
        for target in plan.targets:
            variant = state.spec.variant(target.key.variant)
            accuracy = variant.accuracy_on(target.key.accelerator_class) if variant else Decimal(-1)
            if accuracy < state.spec.min_accuracy:
                assert target.replicas <= state.workload(target.key).replicas


def a_blind_fleet_never_shrinks_but_for_a_bound(scene: Scene) -> None:
    bounds = {"Budget", "SharedBudget", "Inventory", "MaxReplicas"}
    for state, plan in scene.models():
        if state.spec.scaling.mode is ScalingMode.MANUAL or not plan.act:
            continue
        blind = is_blind(state.readings.arrival_rate) and any(w.ready for w in state.workloads)
        if not blind or bounds & {c.name for c in plan.decision.constraints}:
            continue
        goals = {t.key: t.replicas for t in plan.targets}
        for workload in state.workloads:
            assert goals.get(workload.key, 0) >= workload.replicas, scene.words(state, plan)


def an_unknown_price_means_no_growth(scene: Scene) -> None:
    for state, _ in scene.models():
        for workload, more in scene.growth(state).items():
            if price_of(scene.before, workload.key) is None:
                assert more <= 0


def the_same_fleet_and_past_decide_the_same(scene: Scene) -> None:
    assert decide(scene.before, scene.memory, scene.now_s) == (scene.plan, scene.next_memory)


def every_decision_explains_itself_and_concludes_six_conditions(scene: Scene) -> None:
    for state, plan in scene.models():
        words = scene.words(state, plan)
        assert str(plan.key) in words
        assert plan.decision.action in words
        assert [c.type for c in plan.conditions] == TYPES
        for condition in plan.conditions:
            assert isinstance(condition.status, ConditionStatus)
            assert condition.reason.isidentifier()
            assert condition.message
        binding = plan.decision.binding
        assert binding is None or binding in {c.name for c in plan.decision.constraints}


def weights_follow_what_is_ready(scene: Scene) -> None:
    for state, plan in scene.models():
        if state.spec.routing.type is RoutingType.SERVICE:
            assert all(t.weight == 100 for t in plan.targets)
            continue
        assert all(0 <= t.weight <= 100 for t in plan.targets)
        running = [t for t in plan.targets if t.replicas]
        assert sum(t.weight for t in plan.targets) == (100 if running else 0)
        serving = [t for t in running if state.workload(t.key).ready]
        assert all(t in (serving or running) for t in plan.targets if t.weight)


def a_plan_applied_at_once_stays_as_it_is(scene: Scene) -> None:
    # No time passes and nothing else is read: no replica that was just added is taken back, and
    # none that was just removed is added again.
    again, _ = decide(scene.after, scene.next_memory, scene.now_s)
    for state in scene.before.models:
        for key, first, second in _moves(state, scene.plan, again):
            assert first * second >= 0, f"{key}: {first:+d} and then {second:+d}"


def _moves(state: ModelState, plan: Plan, again: Plan) -> list[tuple[str, int, int]]:
    key = state.spec.key
    goals = {t.key: t.replicas for t in plan.models[key].targets}
    later = {t.key: t.replicas for t in again.models[key].targets}
    if not plan.models[key].act:
        return []
    return [
        (
            str(k),
            goals.get(k, 0) - state.workload(k).replicas,
            later.get(k, 0) - goals.get(k, 0),
        )
        for k in sorted({*goals, *later, *(w.key for w in state.workloads)})
    ]


RULES = (
    targets_stay_between_nothing_and_the_maximum,
    the_batch_cap_is_one_that_triton_can_run,
    nothing_is_refused_but_by_the_users_leave,
    nothing_is_added_beyond_a_budget,
    what_is_asked_for_fits_every_budget,
    nothing_is_added_beyond_an_inventory,
    nothing_new_starts_below_the_floor,
    a_blind_fleet_never_shrinks_but_for_a_bound,
    an_unknown_price_means_no_growth,
    the_same_fleet_and_past_decide_the_same,
    every_decision_explains_itself_and_concludes_six_conditions,
    weights_follow_what_is_ready,
    a_plan_applied_at_once_stays_as_it_is,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_every_rule_holds_for_every_fleet(data: st.DataObject) -> None:
    # One run for all of them: to draw a fleet takes longer than to decide and to check it.
    scene = Scene(data)
    for rule in RULES:
        rule(scene)
