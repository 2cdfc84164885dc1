"""A burst is told from noise: from that of the service, not from that of a textbook."""

from __future__ import annotations

import pytest

from tests.core.builders import steady, steps
from tests.core.forecast.rates import bursts, poisson, watch


@pytest.mark.parametrize("rate", [5.0, 100.0, 2000.0])
@pytest.mark.parametrize("lots", [1.0, 10.0])
def test_an_hour_of_noise_is_no_burst(rate: float, lots: float) -> None:
    """A service that is called in lots of ten varies three times as much as a Poisson count."""
    assert watch(poisson(steady(rate), 1, lots), 0, 3600).onsets == ()


def test_a_jump_is_a_burst_from_what_was_usual_to_its_height() -> None:
    history = watch(poisson(bursts(100, 400, 1000), 2), 0, 1200)
    (onset,) = history.onsets
    assert onset.at_s in (1000.0, 1005.0)
    assert onset.before_rate == pytest.approx(100, rel=0.1)
    assert onset.peak_rate == pytest.approx(400, rel=0.1)


def test_a_jump_that_every_fleet_has_room_for_is_none() -> None:
    assert watch(steps((0, 1000), (1000, 1400)), 0, 1200).onsets == ()


def test_a_second_jump_within_minutes_is_the_same_burst() -> None:
    history = watch(bursts(100, 400, 1000, 1120, lasts_s=30.0), 0, 1300)
    assert len(history.onsets) == 1


def test_its_height_is_the_one_before_help_can_have_come() -> None:
    history = watch(steps((0, 100), (1000, 300), (1060, 400), (1120, 900)), 0, 1170)
    assert history.onsets[-1].peak_rate == 400


def test_half_a_minute_is_too_little_to_say_what_is_usual() -> None:
    assert watch(bursts(100, 400, 10), 0, 60).onsets == ()
    assert watch(bursts(100, 400, 40), 0, 60).onsets != ()


def test_what_comes_after_a_gap_is_measured_against_nothing() -> None:
    before = watch(steady(100), 0, 600)
    after = watch(steady(400), 700, 900, before)
    assert after.onsets == ()
    assert after.recent[0][0] == 700
    # Ten minutes, and two hundred seconds: the gap was not watched.
    assert after.watched_s == 800


def test_the_calm_rate_is_the_mean_at_first_and_no_burst_ever() -> None:
    """The first window of a service is half empty, and is forgotten within minutes."""
    assert watch(steps((0, 100)), 0, 300).calm_rate == pytest.approx(100, rel=0.02)
    assert watch(bursts(100, 400, 1000), 0, 1090).calm_rate == pytest.approx(100, rel=0.1)
