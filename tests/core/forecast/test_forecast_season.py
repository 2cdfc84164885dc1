"""What the day did at this time before: known after one, never guessed on the first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import Load, steady
from tests.core.forecast.rates import NO_ROOM_FOR_BURSTS, ahead, watch
from trimtab.core.forecast.season import Season

DAY_S = 86400.0


def days(load: Load, to_s: float, step_s: float = 150.0) -> Season:
    season, t = Season(), 0.0
    while t <= to_s:
        season = season.recorded(t, load(t))
        t += step_s
    return season


def mornings(t_s: float) -> float:
    """Twice the load from eight o'clock on, within half an hour."""
    hour = t_s % DAY_S / 3600.0
    return 100.0 * (1.0 + min(1.0, max(0.0, 2.0 * (hour - 8.0))))


def test_the_first_day_is_like_no_other() -> None:
    season = days(mornings, 8.2 * 3600)
    assert season.growth(8.2 * 3600, 300.0) == 1.0


def test_the_second_morning_is_known_from_the_first() -> None:
    season = days(mornings, DAY_S + 8.25 * 3600)
    now_s = DAY_S + 8.25 * 3600
    assert season.growth(now_s, 300.0) == pytest.approx(
        mornings(now_s + 300) / mornings(now_s), rel=0.02
    )


def test_it_grows_within_five_minutes_too() -> None:
    now_s = DAY_S + 8.25 * 3600
    season = days(mornings, now_s)
    assert season.growth(now_s, 60.0) == pytest.approx(
        mornings(now_s + 60.0) / mornings(now_s), rel=0.01
    )


def test_the_season_raises_the_level_of_the_day_and_not_to_yesterdays() -> None:
    now_s = DAY_S + 8.25 * 3600
    history = replace(watch(steady(300), now_s - 600, now_s), season=days(mornings, now_s))
    told = ahead(history, NO_ROOM_FOR_BURSTS, lead_s=300.0)
    assert told.reason == "Season"
    assert told.rate == pytest.approx(300 * mornings(now_s + 300) / mornings(now_s), rel=0.02)


def test_a_season_that_falls_lowers_nothing() -> None:
    now_s = DAY_S + 8.25 * 3600
    falls = days(lambda t: 400.0 - mornings(t), now_s)
    assert falls.growth(now_s, 300.0) < 0.95
    history = replace(watch(steady(300), now_s - 600, now_s), season=falls)
    assert ahead(history, NO_ROOM_FOR_BURSTS, lead_s=300.0).rate == 300.0


def test_the_week_counts_before_the_day_once_it_is_known() -> None:
    def weekdays(t_s: float) -> float:
        return mornings(t_s) if t_s // DAY_S % 7 < 5 else 100.0

    saturday_s = 12 * DAY_S + 8.25 * 3600
    season = days(weekdays, saturday_s, 300.0)
    assert season.growth(saturday_s, 300.0) == pytest.approx(1.0)
    assert season.growth(saturday_s - 5 * DAY_S, 300.0) > 1.05


def test_the_newest_day_weighs_less_than_all_before() -> None:
    season = days(lambda t: 100.0 if t < DAY_S else 200.0, 2 * DAY_S + 600)
    assert season.day[100] == pytest.approx(130.0)
