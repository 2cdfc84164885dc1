"""A request that is refused or fails is a late one, however fast the others are."""

from __future__ import annotations

from dataclasses import replace

from tests.core.builders import deployment, steady
from tests.core.story import Model, Story
from trimtab.core.plan import ConditionStatus
from trimtab.core.signals import Known
from trimtab.core.snapshot import ModelReadings


class Failing:
    """A model of which a share of the requests fails."""

    share = 0.0

    def __call__(self, readings: ModelReadings) -> ModelReadings:
        rate = readings.arrival_rate
        if not isinstance(rate, Known):
            return readings
        return replace(readings, failure_rate=Known(rate.value * self.share, rate.at_s))


def test_a_p99_in_time_of_those_that_were_let_in_keeps_no_promise() -> None:
    failing = Failing()
    story = Story(Model(deployment(), steady(50), reshape=failing)).until(120)
    assert story.condition("SLOMet").status is ConditionStatus.TRUE

    failing.share = 0.05
    told = story.until(125).condition("SLOMet")
    assert (told.status, told.reason) == (ConditionStatus.FALSE, "RequestsFail")
    assert told.message.startswith("5 % of the requests are refused or fail, and p99 allows 1 % to")

    failing.share = 0.005
    assert story.until(130).condition("SLOMet").reason == "LatencyWithinTarget"


def test_a_share_of_failures_at_the_limit_does_not_flap() -> None:
    failing = Failing()
    story = Story(Model(deployment(), steady(50), reshape=failing)).until(120)
    reasons = []
    for tick in range(1, 11):
        failing.share = 0.0101 if tick % 2 else 0.0099
        reasons.append(story.until(120 + 5 * tick).condition("SLOMet").reason)
    assert set(reasons) == {"RequestsFail"}
