"""Room for what nothing foretells: kept where short bursts keep coming, let go when they stop."""

from __future__ import annotations

import pytest

from tests.core.builders import steady
from tests.core.forecast.rates import NO_ROOM_FOR_BURSTS, ahead, bursts, watch
from trimtab.core.forecast.history import History
from trimtab.core.forecast.insurance import Insurance, expected_height
from trimtab.core.forecast.surprises import Surprises
from trimtab.core.settings import DEFAULT_POLICY

# At odd times: nothing of the clock is in them.
OFTEN = (1010.0, 1370.0, 1850.0, 2270.0, 2590.0)


def crowds(*starts_s: float, until_s: float = 3000) -> History:
    """Next to nothing, and again and again a crowd that is gone before a replica could start."""
    return watch(bursts(5, 400, *starts_s, lasts_s=30.0), 0, until_s)


def test_where_crowds_keep_coming_room_for_them_stays() -> None:
    history = crowds(*OFTEN)
    assert history.surprises.room(5.0, 40.0) == 400
    assert ahead(history).rate == 400


def test_a_burst_seen_once_is_no_pattern() -> None:
    assert crowds(1010.0, until_s=1300).surprises.room(5.0, 40.0) == 0.0
    assert crowds(1010.0, 1370.0, until_s=1700).surprises.room(5.0, 40.0) == 400


def test_when_they_stop_coming_it_is_let_go() -> None:
    calm = watch(steady(5), 3005, 3000 + 6 * 3600, crowds(*OFTEN))
    assert ahead(calm).reason == "Level"


def test_who_gives_nothing_for_late_requests_buys_nothing() -> None:
    assert ahead(crowds(*OFTEN), NO_ROOM_FOR_BURSTS).reason == "Level"


def test_what_was_never_seen_is_not_expected_however_slow_the_start() -> None:
    assert ahead(watch(steady(100), 0, 300), lead_s=600.0).reason == "Level"


CROWDS = Surprises(late=((100.0, 60_000.0), (1000.0, 10_000.0)), bursts=61.0, watched_s=3600.0)


def test_room_goes_as_high_as_it_pays() -> None:
    """Crowds of 100 every minute, of 1000 once an hour: the next 900/s would save 10 s of 1000
    items an hour, which at 20 s each is 56/s."""
    assert CROWDS.room(10.0, 20.0, late_last=False) == 100.0
    assert CROWDS.room(10.0, 400.0, late_last=False) == 1000.0
    assert CROWDS.room(100.0, 20.0, late_last=False) == 0.0


def test_where_the_late_go_last_room_keeps_its_part_of_a_larger_crowd() -> None:
    """Crowds of 1000 for ten seconds an hour. Room for 100 of them keeps a tenth in time: at 400 s
    each 1000 items' worth an hour for every one of the 90 that it adds to a level of 10."""
    rare = Surprises(late=((100.0, 1.0), (1000.0, 10_000.0)), bursts=3.0, watched_s=3600.0)
    assert rare.room(10.0, 400.0, late_last=True) == 1000.0
    assert rare.room(10.0, 350.0, late_last=True) == 0.0
    # In turn, none of it is in time before all is.
    assert rare.room(10.0, 359.0, late_last=False) == 1000.0


def test_a_fleet_that_follows_is_surprised_only_until_help_has_come() -> None:
    """Two minutes of a burst, of which the first is late where help takes a minute."""
    short, long = (
        watch(bursts(100, 400, 1010.0, lasts_s=s), 0, 1600).surprises for s in (60.0, 240.0)
    )
    assert sum(i for _, i in long.late) == pytest.approx(sum(i for _, i in short.late), rel=0.1)


def test_the_height_is_that_of_the_larger_bursts_seen() -> None:
    nothing_seen = watch(steady(100), 0, 300)
    assert expected_height(nothing_seen, DEFAULT_POLICY) == DEFAULT_POLICY.burst_ratio
    history = watch(bursts(100, 400, *OFTEN), 0, 4640)
    assert history.calm_rate is not None
    assert expected_height(history, DEFAULT_POLICY) == pytest.approx(400 / history.calm_rate)


def test_room_is_worth_it_where_what_it_saves_is_its_price() -> None:
    # A burst to twice the rate, one time in ten, 30 s of it late: 6 requests; 60 s of room.
    assert Insurance(30.0, 10.0, late_last=False).pays(0.1, 2.0, 30.0)
    assert not Insurance(30.0, 9.9, late_last=False).pays(0.1, 2.0, 30.0)
    assert not Insurance(30.0, 1e9, late_last=False).pays(1.0, 1.0, 20.0)


def test_where_the_late_go_last_only_what_is_too_much_is_saved() -> None:
    # Of the same burst half is answered in time without any room.
    assert Insurance(30.0, 20.0, late_last=True).pays(0.1, 2.0, 30.0)
    assert not Insurance(30.0, 19.9, late_last=True).pays(0.1, 2.0, 30.0)
