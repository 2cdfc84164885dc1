"""What holds for every mix, whatever the load does and the user allows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.builders import accelerator, budget, deployment, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Moment, Story
from trimtab.api.resources import Objective, Routing, RoutingType
from trimtab.core.signals import Missing
from trimtab.core.snapshot import WorkloadKey

BELOW = "slow"  # the variant below the floor


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A model of three variants on two classes under a load that jumps, and a fleet that runs."""
    shared = draw(st.booleans())
    spec = deployment(
        variants=(
            variant("fp32", "0.99", 20.0, "cpu", "box"),
            variant("int8", "0.98", draw(st.sampled_from([5.0, 12.0])), "cpu", "box"),
            variant(BELOW, "0.90", 2.0, "cpu"),
        ),
        floor="0.95",
        least=draw(st.sampled_from([1, 3])),
        most=draw(st.sampled_from([3, 8, 40])),
        per_hour=draw(st.sampled_from([None, "0.65", "1.30"])),
        shared="shared" if shared else None,
        window_s=draw(st.sampled_from([0.0, 30.0])),
    )
    model = replace(
        spec,
        routing=Routing(RoutingType.GATEWAY),
        objective=draw(st.sampled_from(Objective)),
    )
    rates = st.sampled_from([0.0, 30.0, 150.0, 400.0, 900.0])
    times = (0.0, 40.0, 80.0, 95.0, 140.0)
    told = Model(model, steps(*((at, draw(rates)) for at in times)))
    for name, on in draw(st.sets(st.sampled_from([("fp32", "cpu"), ("int8", "box")]))):
        told.running(WorkloadKey(name, on), draw(st.integers(1, 2)))
    most = draw(st.sampled_from([None, 5, 9]))
    return Story(
        told,
        classes=(
            accelerator(most=most),
            accelerator("box", draw(st.sampled_from(["0.18", "0.30"]))),
        ),
        budgets=(budget("0.90"),),
        slots=draw(st.sampled_from([6, 100])),
        policy=NO_ROOM_FOR_BURSTS,
    )


def holds(story: Story, moment: Moment) -> None:
    spec, state, plan = story.model.spec, moment.state, moment.plan
    weights = {t.key: t.weight for t in plan.targets}
    running = [t for t in plan.targets if t.replicas]
    assert sum(weights.values()) == (100 if running else 0)
    ready = {t.key for t in running if state.workload(t.key).ready}
    assert not ready or all(k in ready for k, w in weights.items() if w)
    # A backend that serves and may stay is never at 0: the gateway would drop what is on its way.
    assert all(weights[k] for k in ready)
    assert BELOW not in {k.variant for k in weights}
    prices = {name: c.price_per_hour or Decimal(0) for name, c in story.classes.items()}
    grown = sum(
        prices[t.key.accelerator_class] * max(0, t.replicas - state.workload(t.key).replicas)
        for t in running
    )
    held = sum(prices[w.key.accelerator_class] * w.held for w in state.workloads)
    limits = [spec.budget_per_hour, Decimal("0.90") if spec.budget_ref else None]
    if grown:
        assert held + grown <= min((x for x in limits if x is not None), default=held + grown)
    for name, accelerator_class in story.classes.items():
        most = accelerator_class.max_replicas
        asked = sum(t.replicas for t in running if t.key.accelerator_class == name)
        assert most is None or asked <= most
    assert all(t.replicas <= spec.scaling.max_replicas for t in running)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(stories(), st.sampled_from([None, 60.0, 100.0]))
def test_weights_money_inventory_and_floor_hold_at_every_tick(
    story: Story, blind_s: float | None
) -> None:
    if blind_s is not None:
        before = {t.key: t.replicas for t in story.until(blind_s).plan().targets}
        story.model.blind = Missing("PrometheusUnreachable", "Connection refused.")
        after = {t.key: t.replicas for t in story.until(blind_s + 30.0).plan().targets}
        assert all(after.get(key, 0) >= n for key, n in before.items())
        story.model.blind = None
    story.until(200.0)
    for moment in story.history:
        assert moment.plan.failure is None
        holds(story, moment)
    rate = story.model.load(200.0)
    assert rate == 0.0 or sum(t.replicas for t in story.plan().targets) >= 1
