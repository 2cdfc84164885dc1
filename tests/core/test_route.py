"""What a gateway's route lists: places that stay, no weight of 0, and pods that go last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import FP32, INT8, deployment, steady, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Moment, Story
from trimtab.api.resources import Objective, Routing, RoutingType
from trimtab.core.plan import ModelPlan, Target
from trimtab.core.route import LEAST, MAX_BACKENDS, kept_while_listed, next_backends
from trimtab.core.snapshot import (
    Backend,
    ModelState,
    Pod,
    Route,
    RouteTrouble,
    Workload,
    WorkloadKey,
)

GATEWAY = Routing(RoutingType.GATEWAY)
THIRD = WorkloadKey("tiny", "cpu")
SPEC = replace(
    deployment(variants=(variant("fp32", "0.99", 20.0), variant("int8", "0.98", 5.0))),
    routing=GATEWAY,
)


def state(route: Route | None, **ready: int) -> ModelState:
    """So many Ready pods by variant, as many as are asked for."""
    workloads = tuple(
        Workload(WorkloadKey(name, "cpu"), n, tuple(Pod(f"{name}-{i}", 0, 1) for i in range(n)))
        for name, n in ready.items()
    )
    return ModelState(SPEC, workloads, route=route)


def target(key: WorkloadKey, weight: int, replicas: int = 1) -> Target:
    return Target(key, replicas, 1, weight=weight)


def listing(*backends: tuple[WorkloadKey, int], taken: bool = True) -> Route:
    return Route(tuple(Backend(*b) for b in backends), taken)


def test_a_switch_moves_the_weight_then_the_place_and_shifts_no_other() -> None:
    targets = [target(INT8, 100), target(FP32, 0, replicas=0)]
    route, seen = listing((FP32, 10_000)), []
    for _ in range(5):
        route = Route(next_backends(state(route, fp32=2, int8=1), targets))
        seen.append([(b.key.variant, b.weight) for b in route.backends])
    assert seen == [
        # What comes is made known to the gateway first, and gets its weight then.
        [("fp32", 10_000), ("int8", 1)],
        [("fp32", 1), ("int8", 10_000)],
        # The first place changes hands. Were it taken out, int8 would be the first of the list and
        # the gateway's second backend gone, while requests are on their way to it.
        [("int8", 1), ("int8", 10_000)],
        [("int8", 10_000), ("int8", 1)],
        [("int8", 10_000)],
    ]


def test_what_leaves_the_end_of_the_list_needs_no_successor() -> None:
    route = listing((FP32, 10_000), (INT8, 1))
    now = state(route, fp32=1, int8=1)
    assert next_backends(now, [target(FP32, 100)]) == (Backend(FP32, 10_000),)


def test_who_comes_takes_a_free_place() -> None:
    route = listing((FP32, 1), (INT8, 10_000))
    now = state(route, fp32=1, int8=1, tiny=1)
    planned = [target(INT8, 70), target(THIRD, 30)]
    entered = next_backends(now, planned)
    assert entered == (Backend(THIRD, LEAST), Backend(INT8, 7_000))
    waiting = replace(now, route=Route(entered, taken=False))
    assert next_backends(waiting, planned) == entered
    taken = replace(now, route=Route(entered))
    assert next_backends(taken, planned) == (Backend(THIRD, 3_000), Backend(INT8, 7_000))


def test_nobody_new_takes_over_while_the_gateway_may_not_know_the_pods() -> None:
    """It takes the list, answers 503 for pods that it never heard of, and hears of them later."""
    planned = [target(INT8, 100), target(FP32, 0, replicas=0)]
    for listed in (listing((FP32, 10_000)), listing((FP32, 10_000), (INT8, LEAST))):
        now = state(listed, fp32=1, int8=1)
        assert next_backends(now, planned) != listed.backends
        assert next_backends(now, planned, behind=True) == listed.backends


def test_a_share_whose_pods_are_gone_goes_to_who_is_known_even_then() -> None:
    route = listing((FP32, 6_000), (INT8, 4_000), (THIRD, LEAST))
    planned = [target(FP32, 60), target(INT8, 40)]
    left = state(route, fp32=0, int8=1, tiny=1)
    expected = (Backend(FP32, LEAST), Backend(INT8, 4_000), Backend(THIRD, LEAST))
    assert next_backends(left, planned, behind=True) == expected


def test_who_is_new_serves_where_nobody_else_does_even_then() -> None:
    planned = [target(INT8, 100)]
    now = state(listing((FP32, 10_000)), fp32=0, int8=1)
    assert next_backends(now, planned, behind=True) == next_backends(now, planned)


def test_a_place_is_not_free_before_the_gateway_took_the_weight_off() -> None:
    route = listing((FP32, 1), (INT8, 10_000), taken=False)
    now = state(route, fp32=1, int8=1)
    assert next_backends(now, [target(INT8, 100)]) == route.backends


def test_the_last_that_serves_stays_listed_where_what_follows_it_is_not_ready() -> None:
    """It is below the floor, the class is full, and its successor waits for its place."""
    now = state(listing((FP32, 10_000)), fp32=1)
    targets = (target(INT8, 100), target(FP32, 0, replicas=0))
    backends = next_backends(now, targets)
    assert backends == (Backend(FP32, 10_000),)
    kept, notes = kept_while_listed(now, targets, backends)
    assert (kept, notes) == (targets, ()), "or nothing would ever make room"


def test_nothing_shrinks_while_who_comes_has_no_share_yet() -> None:
    """All that is sent goes to the one that would be left of two."""
    targets = (target(INT8, 70), target(FP32, 30, replicas=1))
    now = state(listing((FP32, 10_000)), fp32=2, int8=1)
    entered = next_backends(now, targets)
    kept, notes = kept_while_listed(now, targets, entered)
    assert [t.replicas for t in kept] == [1, 2]
    assert [str(n.effect) for n in notes] == [
        "fp32 on cpu serves until the route sends int8 on cpu its share"
    ]
    taken = state(Route(entered), fp32=2, int8=1)
    assert kept_while_listed(taken, targets, next_backends(taken, targets)) == (targets, ())
    nobody = state(Route(entered, taken=False), fp32=2, int8=1)
    assert kept_while_listed(nobody, targets, next_backends(nobody, targets)) == (targets, ())


def test_where_nothing_is_ready_the_list_stays_and_the_first_one_is_what_is_planned() -> None:
    assert next_backends(state(Route()), [target(INT8, 100)]) == (Backend(INT8, 10_000),)
    route = listing((FP32, 10_000))
    assert next_backends(state(route), [target(INT8, 100)]) == route.backends


def test_without_a_route_nothing_is_listed_and_nothing_kept() -> None:
    now = state(None, fp32=1, int8=1)
    targets = (target(INT8, 100), target(FP32, 0, replicas=0))
    assert next_backends(now, targets) == ()
    assert kept_while_listed(now, targets, ()) == (targets, ())


class RoutedStory(Story):
    """A story whose model has a route, which a gateway takes by the next tick."""

    route = Route()

    def _state(self, model: Model) -> ModelState:
        return replace(super()._state(model), route=self.route)

    def _apply(self, model: Model, plan: ModelPlan) -> None:
        self.route = replace(self.route, backends=plan.backends)
        super()._apply(model, plan)


def routed_story(objective: Objective = Objective.MINIMIZE_COST) -> RoutedStory:
    spec = replace(SPEC, objective=objective, scaling=replace(SPEC.scaling, max_replicas=40))
    return RoutedStory(
        Model(replace(spec, budget_per_hour=Decimal("1.05")), steady(20.0)),
        policy=NO_ROOM_FOR_BURSTS,
    )


def switching_story() -> RoutedStory:
    """fp32 serves alone, and after a minute a load comes for which int8 is the cheaper one."""
    story = routed_story()
    story.model.load = steps((0, 20.0), (60, 150.0))
    story.model.running(FP32, 1)
    story.route = listing((FP32, 10_000))
    return story


def listed(moment: Moment) -> dict[str, int]:
    """The route that the decision found."""
    route = moment.state.route
    assert route is not None
    found: dict[str, int] = {}
    for backend in route.backends:
        found[backend.key.variant] = found.get(backend.key.variant, 0) + backend.weight
    return found


def test_pods_go_after_their_place_and_the_decision_says_so() -> None:
    story = switching_story()
    story.until(400.0)
    assert listed(story.history[-1]) == {"int8": 10_000}
    gone = next(m for m in story.history if m.plan.targets and not m.state.workload(FP32).replicas)
    asked = [m for m in story.history if m.t_s < gone.t_s]
    # The tick that found fp32 at the least weight took place and pods, the one before kept them.
    assert listed(asked[-1])["fp32"] == LEAST
    assert listed(asked[-2])["fp32"] > LEAST
    names = [c.name for c in asked[-2].plan.decision.constraints]
    assert "RouteFirst" in names


def test_a_switch_waits_until_the_gateway_has_asked_again() -> None:
    story = switching_story()
    story.until(60.0)
    silent_s = story.unanswered_s = story.now_s + 1.0
    story.until(silent_s + 58.0)
    assert story.history[-1].state.workload(INT8).ready, "it could serve"
    assert set(listed(story.history[-1])) == {"fp32"}
    story.until(silent_s + 75.0)
    assert "int8" in listed(story.history[-1])


def test_what_a_gateway_refuses_is_said_and_what_serves_is_left_alone() -> None:
    story = routed_story()
    story.model.running(INT8, 1)
    story.route = replace(
        listing((INT8, 10_000)), trouble=RouteTrouble("RouteNotAccepted", "No listener allows it.")
    )
    story.until(30.0)
    assert story.condition("Ready").reason == "RouteNotAccepted"
    assert story.condition("Stalled").status == "True"
    assert story.condition("Reconciling").status == "False"
    assert [t.replicas for t in story.plan().targets] == [1]
    story.route = replace(story.route, trouble=None, taken=False)
    story.until(35.0)
    assert story.condition("Ready").status == "True"
    assert story.condition("Reconciling").reason == "Routing"


KEYS = [WorkloadKey(f"v{i}", c) for i in range(9) for c in ("cpu", "l4")]


@st.composite
def routes(draw: st.DrawFn) -> Route:
    places = st.tuples(st.sampled_from(KEYS[:6]), st.sampled_from([1, 100, 5_000, 10_000]))
    backends = draw(st.lists(places, max_size=MAX_BACKENDS))
    return Route(tuple(Backend(*b) for b in backends), draw(st.booleans()))


@st.composite
def plans(draw: st.DrawFn) -> tuple[ModelState, list[Target]]:
    """Whatever the plan: weights of who is not Ready, none at all, all replicas taken."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=MAX_BACKENDS, unique=True))
    workloads, targets = [], []
    for key in keys:
        ready = draw(st.integers(0, 2))
        pods = tuple(Pod(f"{key}{i}", 0, 1) for i in range(ready))
        workloads.append(Workload(key, draw(st.sampled_from([ready, ready + 1])), pods))
        if draw(st.booleans()):
            targets.append(target(key, draw(st.integers(0, 100)), draw(st.integers(0, 2))))
    return ModelState(SPEC, tuple(workloads), route=draw(routes())), targets


def _weighs_at_least_one(backends: Sequence[Backend]) -> bool:
    return all(b.weight >= LEAST for b in backends) and len(backends) <= MAX_BACKENDS


def test_who_serves_and_is_sent_nothing_takes_nothing_over() -> None:
    """Every place had the least weight then: half of the requests went where nobody answers."""
    gone, leaving, coming = KEYS[:3]
    ready = (Pod("a", 0, 1),)
    now = ModelState(
        SPEC,
        (Workload(leaving, 1, ready), Workload(coming, 1, ready)),
        route=Route((Backend(gone, 100), Backend(leaving, LEAST)), taken=True),
    )
    backends = next_backends(now, [target(coming, 100, 1)])
    assert {b.key: b.weight for b in backends}[coming] > LEAST
    assert {b.weight for b in backends if b.key != coming} == {LEAST}


@given(plans(), st.booleans())
def test_no_weight_falls_to_zero_and_the_only_one_that_serves_is_listed(
    case: tuple[ModelState, list[Target]], behind: bool
) -> None:
    now, targets = case
    backends = next_backends(now, targets, behind=behind)
    assert _weighs_at_least_one(backends)
    serving = {w.key for w in now.workloads if w.ready}
    if serving:
        most = max(backends, key=lambda b: b.weight)
        assert most.key in serving, "requests go where somebody answers"
        assert len(serving) > 1 or serving <= {b.key for b in backends}
    route = now.route
    assert route is not None
    if len(route.backends) < MAX_BACKENDS:
        for before, after in zip(route.backends, backends, strict=False):
            assert before.key == after.key or (before.weight == LEAST and route.taken)


@given(plans())
def test_every_plan_is_reached_in_a_few_writes_and_then_nothing_moves(
    case: tuple[ModelState, list[Target]],
) -> None:
    now, targets = case
    for _ in range(2 + MAX_BACKENDS):
        now = replace(now, route=Route(next_backends(now, targets)))
    route = now.route
    assert route is not None
    assert next_backends(now, targets) == route.backends
    staying = {t.key for t in targets if t.weight and now.workload(t.key).ready}
    if staying:
        assert {b.key for b in route.backends} == staying
        going = [t for t in targets if t.key not in staying]
        assert kept_while_listed(now, going, route.backends) == (tuple(going), ())
