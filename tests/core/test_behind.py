"""After the API server gave no answer, nothing that serves leaves until proxies know of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.builders import deployment, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, Model, Story
from trimtab.api.resources import ModelDeployment, Objective, Routing, RoutingType

FALLS_S = 300.0
VARIANTS = (variant("fp32", "0.99", 20.0), variant("int8", "0.98", 5.0))
SERVICE = deployment()
GATEWAY = replace(
    deployment(variants=VARIANTS, per_hour="1.05", most=40),
    routing=Routing(RoutingType.GATEWAY),
    objective=Objective.MAXIMIZE_ACCURACY,
)


def falling(spec: ModelDeployment) -> Story:
    """Several replicas' load until 300 s, then one's."""
    return Story(Model(spec, steps((0, 500), (FALLS_S, 20))), policy=NO_ROOM_FOR_BURSTS)


def replicas(story: Story, from_s: float, to_s: float) -> list[int]:
    """Of all workloads together, tick by tick."""
    told = [m for m in story.history if from_s <= m.t_s <= to_s]
    return [sum(t.replicas for t in m.plan.targets) for m in told]


def shrinks_s(spec: ModelDeployment) -> float:
    """When it would shrink undisturbed."""
    story = falling(spec)
    story.until(600)
    before = replicas(story, FALLS_S, FALLS_S)[0]
    return next(
        m.t_s
        for m in story.history
        if m.t_s > FALLS_S and replicas(story, m.t_s, m.t_s)[0] < before
    )


@pytest.mark.parametrize("spec", [SERVICE, GATEWAY], ids=["service", "gateway"])
def test_a_fleet_that_would_shrink_waits_until_proxies_have_asked_again(
    spec: ModelDeployment,
) -> None:
    story = falling(spec)
    story.until(shrinks_s(spec) - 5.0)
    before = replicas(story, story.now_s, story.now_s)[0]
    silent_s = story.unanswered_s = story.now_s + 2.0
    story.until(silent_s + 58.0)
    assert set(replicas(story, silent_s, story.now_s)) == {before}
    decision = story.plan().decision
    assert decision.binding == "ProxiesBehind"
    assert decision.next_change_allowed_at_s == silent_s + 60.0
    story.until(silent_s + 70.0)
    assert replicas(story, story.now_s, story.now_s)[0] < before


def test_it_grows_meanwhile() -> None:
    story = Story(Model(SERVICE, steps((0, 20), (100, 500))), policy=NO_ROOM_FOR_BURSTS)
    story.until(95)
    few = replicas(story, 95, 95)[0]
    story.unanswered_s = 97.0
    story.until(130)
    assert replicas(story, 130, 130)[0] > few


def test_money_that_a_user_takes_away_is_obeyed_at_once() -> None:
    story = falling(deployment(per_hour="0.60"))
    story.until(200)
    story.unanswered_s = 202.0
    story.respec(budget_per_hour=Decimal("0.20"))
    story.until(205)
    assert replicas(story, 205, 205) == [2]
