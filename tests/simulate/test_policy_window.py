"""The window rule, and the quick evaluation its numbers are searched with."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulate.rule_story import Story
from trimtab.simulate.policies.window import (
    Fluid,
    Window,
    WindowNumbers,
    fluid_result,
    recent_quantiles,
)


def fluid(arrivals: list[int], start_s: int = 0) -> Fluid:
    return Fluid(np.array(arrivals), 5, start_s, 0, rate_each=10.0, most_each=12.0, low=1)


def test_a_burst_is_followed_at_once_and_held() -> None:
    story = Story(Window(WindowNumbers(10.0, 1.0, 60.0, 1.2), 100.0), replicas=3)
    story.metrics.rate_value = 200.0
    assert set(story.run(60)) == {3}
    story.metrics.rate_value = 1000.0
    assert story.run(5) == [12]
    story.metrics.rate_value = 200.0
    assert set(story.run(60)) == {12}
    assert story.run(10)[-1] == 3


def test_a_median_over_a_long_window_does_not_see_a_short_burst() -> None:
    rule = Window(WindowNumbers(300.0, 0.5, 0.0, 1.0), 100.0)
    # It begins as if the first rate had been there for a whole window.
    story = Story(rule, replicas=rule.first(200.0))
    story.metrics.rate_value = 1000.0
    assert set(story.run(60)) == {2}


def test_without_a_reading_the_fleet_is_held() -> None:
    story = Story(Window(WindowNumbers(10.0, 1.0, 60.0, 1.2), 100.0), replicas=3)
    assert set(story.run(300)) == {3}


def test_a_sampled_rate_is_of_the_seconds_before_its_tick() -> None:
    rates = recent_quantiles(fluid([10] * 20 + [100] * 20), 5.0, 1.0)
    # What came before the run counts as its first minute's mean, 55.
    assert rates.tolist() == pytest.approx([55, 32.5, 10, 10, 10, 55, 100, 100])


def test_a_fleet_that_carries_the_load_is_never_late_and_costs_its_seconds() -> None:
    flow = fluid([40] * 100)
    cost, attained = fluid_result(flow, recent_quantiles(flow, 5.0, 1.0), 0.0, 1.0)
    assert (cost, attained) == (400.0, 1.0)


def test_a_slow_start_makes_a_burst_late() -> None:
    burst = [10] * 100 + [100] * 100
    slow, fast = fluid(burst, start_s=60), fluid(burst, start_s=5)
    attained = [fluid_result(f, recent_quantiles(f, 5.0, 1.0), 0.0, 1.2)[1] for f in (slow, fast)]
    assert attained[0] < attained[1] < 1.0
