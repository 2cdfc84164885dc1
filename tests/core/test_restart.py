"""An operator that restarts remembers nothing, and harms nothing."""

from __future__ import annotations

from decimal import Decimal

from tests.core.builders import INT8, deployment, steady, steps, variant
from tests.core.story import Model, Story, carried, expect_replicas, sizes

CHEAP = variant("int8", "0.985", 10.0)
DEAR = variant("fp32", "0.99", 15.0)


def test_a_restart_in_a_lull_does_not_shrink_the_fleet_before_a_full_window() -> None:
    story = Story(Model(deployment(window_s=300), steps((0, 250), (400, 10))))
    expect_replicas(story, 400, int8=4)
    story.until(460).forget()
    expect_replicas(story, 755, int8=4)
    expect_replicas(story, 765, int8=3)


def test_a_restart_every_minute_never_shrinks_a_busy_fleet() -> None:
    story = Story(Model(deployment(window_s=120), steady(250)))
    for t in range(60, 1200, 60):
        story.until(t).forget()
    assert set(sizes(story)[20:]) == {4}


def test_a_restart_in_a_switch_takes_nothing_away() -> None:
    spec = deployment(variants=(CHEAP, DEAR), window_s=60, floor="0.99")
    story = Story(Model(spec, steady(50)), start_up_s=60.0)
    story.until(300)
    story.respec(min_accuracy=Decimal(0))
    story.until(330).forget()
    story.until(600)
    assert set(story.model.children) == {INT8}
    assert all(carried(story, m) >= 50 for m in story.history if m.t_s > 200)
