"""What holds of every decision: for every fleet, every reading and every past."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tests.core.fleets import applied, cost_of, price_of, ticked
from tests.strategies import START_S, snapshots, ticks
from trimtab.api.resources import ObjectKey, RoutingType, ScalingMode
from trimtab.core.decide import decide
from trimtab.core.explain import explain
from trimtab.core.explain_text import text
from trimtab.core.memory import NOTHING, Memory
from trimtab.core.plan import ConditionStatus, ModelPlan, Plan
from trimtab.core.signals import is_blind
from trimtab.core.snapshot import ModelState, Snapshot, Workload

TYPES = ["Ready", "Reconciling", "Stalled", "MetricsAvailable", "SLOMet", "WithinBudget"]
MANY = 1_000_000


class Scene:
    """One decision: what was before, the plan, and what is after it was applied."""

    def __init__(self, before: Snapshot, memory: Memory, now_s: float) -> None:
        self.before, self.memory, self.now_s = before, memory, now_s
        self.plan, self.next_memory = decide(before, memory, now_s)
        self.after = applied(before, self.plan, now_s)

    @classmethod
    def drawn(cls, data: st.DataObject, most_ticks: int = 3) -> Scene:
        """One that is reached by random ticks."""
        scene = cls(data.draw(snapshots()), Memory(), START_S)
        for _ in range(data.draw(st.integers(0, most_ticks))):
            scene = scene.later(data)
        return scene

    def later(self, data: st.DataObject) -> Scene:
        """The decision after this one was applied and the world has moved on."""
        tick = data.draw(ticks(self.after))
        now_s = self.now_s + tick.after_s
        return Scene(ticked(self.after, tick, now_s), self.next_memory, now_s)

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
    shared: dict[ObjectKey, list[Decimal]] = {}
    for before, after in zip(scene.before.models, scene.after.models, strict=True):
        cost, then = cost_of(scene.before, before), cost_of(scene.before, after)
        own = before.spec.budget_per_hour
        if own is not None:
            assert then <= max(own, cost)
        key = shared_key(before)
        if key is not None and key in scene.before.budgets:
            both = shared.setdefault(key, [Decimal(0), Decimal(0)])
            both[0] += cost
            both[1] += then
        elif key is not None:
            assert then <= cost, "a budget that does not exist fails closed"
    for key, (cost, then) in shared.items():
        assert then <= max(scene.before.budgets[key].per_hour - held_by_others(scene, key), cost)


def what_is_asked_for_fits_every_budget(scene: Scene) -> None:
    # Pods may still be leaving; what is asked for obeys at once, whoever acts.
    shared: dict[ObjectKey, list[Decimal]] = {}
    for state, plan in scene.models():
        asked = sum(
            ((price_of(scene.before, t.key) or Decimal(0)) * t.replicas for t in plan.targets),
            Decimal(0),
        )
        own = state.spec.budget_per_hour
        if plan.act and own is not None:
            assert asked <= own
        key = shared_key(state)
        if key is not None and key in scene.before.budgets:
            both = shared.setdefault(key, [Decimal(0), held_by_others(scene, key)])
            both[0] += asked if plan.act else Decimal(0)
            both[1] += Decimal(0) if plan.act else cost_of(scene.before, state)
    for key, (asked, held) in shared.items():
        assert asked <= max(Decimal(0), scene.before.budgets[key].per_hour - held)


def shared_key(state: ModelState) -> ObjectKey | None:
    """The shared budget that the model names."""
    name = state.spec.budget_ref
    return None if name is None else ObjectKey(state.spec.key.namespace, name)


def held_by_others(scene: Scene, budget: ObjectKey) -> Decimal:
    """What models that are not decided on cost of a shared budget."""
    return sum(
        (
            (price_of(scene.before, w.key) or Decimal(0)) * w.held
            for holding in scene.before.holdings
            if holding.budget == budget
            for w in holding.workloads
        ),
        Decimal(0),
    )


def _workloads(snapshot: Snapshot) -> list[tuple[Workload, ...]]:
    held = [holding.workloads for holding in snapshot.holdings]
    return held + [state.workloads for state in snapshot.models]


def nothing_is_added_beyond_an_inventory(scene: Scene) -> None:
    for name, accelerator in scene.before.accelerator_classes.items():
        if accelerator.max_replicas is None:
            continue
        held = [
            sum(
                w.held
                for workloads in _workloads(snapshot)
                for w in workloads
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
        assert plan.failure is None, plan.failure
        words = scene.words(state, plan)
        assert str(plan.key) in words
        assert plan.decision.action in words
        assert [c.type for c in plan.conditions][: len(TYPES)] == TYPES
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
    again, _ = decide(scene.after, _with_front_ends_of(scene), scene.now_s)
    for state in scene.before.models:
        for key, first, second in _moves(state, scene.plan, again):
            assert first * second >= 0, f"{key}: {first:+d} and then {second:+d}"


def _with_front_ends_of(scene: Scene) -> Memory:
    """The next memory without what a latency tells of the front end: that is learnt after the
    decision and for the one after it, which may then want fewer."""
    before = scene.memory.models
    models = {
        key: memory._replace(front_end_s=before[key].front_end_s if key in before else NOTHING)
        for key, memory in scene.next_memory.models.items()
    }
    return Memory(models, scene.next_memory.memos)


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
