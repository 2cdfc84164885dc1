"""The fleet follows the load: up at once, down late and one step at a time."""

from __future__ import annotations

import itertools
from dataclasses import replace

from tests.core.builders import INT8, deployment, steady, steps
from tests.core.story import Model, Story, expect_replicas, sizes
from trimtab.core.decide import decide
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import Known


def test_a_step_up_is_answered_in_one_or_two_ticks() -> None:
    story = Story(Model(deployment(), steps((60, 250))))
    expect_replicas(story, 55, int8=1)
    expect_replicas(story, 65, int8=4)
    assert "ScaleUp" in {m.plan.decision.action for m in story.history[-2:]}


def test_the_fleet_shrinks_only_after_a_full_window_and_one_at_a_time() -> None:
    story = Story(Model(deployment(window_s=60), steps((0, 250), (200, 10))))
    expect_replicas(story, 200, int8=4)
    # The last high reading is that of the long window, 255 s; the window of 60 s starts there.
    story.until(400)
    walk = sizes(story)
    assert walk[-1] == 1
    assert all(before - after <= 1 for before, after in itertools.pairwise(walk))
    first_down = next(
        m.t_s for m in story.history if m.t_s > 200 and m.plan.targets[0].replicas < 4
    )
    assert first_down >= 260


def test_a_dip_shorter_than_the_window_removes_nothing() -> None:
    story = Story(Model(deployment(window_s=120), steps((0, 250), (200, 10), (290, 250))))
    story.until(600)
    assert min(sizes(story)[20:]) == 4


def test_the_plan_says_when_the_fleet_may_shrink() -> None:
    story = Story(Model(deployment(window_s=120), steps((0, 250), (200, 10))))
    story.until(300)
    allowed = story.plan().decision.next_change_allowed_at_s
    assert story.plan().decision.binding == "Stabilization"
    assert allowed is not None
    story.until(allowed - 5)
    assert sizes(story)[-1] == 4
    expect_replicas(story, allowed + 5, int8=3)


def test_steady_load_changes_nothing_once_settled() -> None:
    story = Story(Model(deployment(), steady(200)))
    story.until(3600)
    assert len(set(sizes(story)[60:])) == 1


def test_a_large_fleet_leaves_by_quarters() -> None:
    story = Story(Model(deployment(most=40), steps((0, 2000), (120, 10))))
    story.until(120)
    top = sizes(story)[-1]
    assert top > 25
    story.until(400)
    walk = sizes(story)
    falls = [a - b for a, b in itertools.pairwise(walk) if b < a]
    assert max(falls) <= top // 4
    assert walk[-1] < top


def test_a_backlog_asks_for_more_than_the_rate_alone() -> None:
    story = Story(Model(deployment(), steady(100)).running(INT8, 2))
    story.until(60)
    snapshot = story.snapshot()
    (state,) = snapshot.models
    pending = replace(state.readings, pending=Known(900.0, 60.0))
    behind = replace(snapshot, models=(replace(state, readings=pending),))
    plan, _ = decide(behind, story.memory, 65.0, PolicySettings(backlog_drain_s=10.0))
    (ours,) = plan.models.values()
    # 900 in flight, about 10 of them within the SLO: 89 more requests/s for ten seconds.
    assert ours.targets[0].replicas == 3
