"""One request in a hundred may be late: who has overdrawn that pays more to be in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import steady
from tests.core.forecast.rates import ahead, watch
from trimtab.core.forecast.error_budget import ErrorBudget
from trimtab.core.forecast.surprises import Surprises


def test_what_the_promise_allows_costs_nothing_extra() -> None:
    half_a_percent = ErrorBudget(items=100_000.0, late=500.0)
    assert half_a_percent.overdrawn(0.0, 0.99, 0.0) == 1.0


def test_five_times_too_many_late_requests_make_each_five_times_as_dear() -> None:
    five_percent = ErrorBudget(items=100_000.0, late=5_000.0)
    assert five_percent.overdrawn(0.0, 0.99, 0.0) == pytest.approx(5.0)
    # To a p90 the same is half of what may be.
    assert five_percent.overdrawn(0.0, 0.90, 0.0) == 1.0


def test_a_late_first_minute_is_not_a_broken_promise() -> None:
    """At 100/s an hour is believed to have gone well: 6,000 late of 366,000."""
    budget = ErrorBudget().heard(60.0, 100.0, 60.0, 1.0, late_last=False)
    assert budget.overdrawn(100.0, 0.99, 0.0) == pytest.approx(1.64, rel=0.01)


def test_of_those_that_go_last_only_what_was_added_to_them_is_late() -> None:
    """At 100/s for ten minutes with a backlog: 60,000 late in turn, and 50 of each 500 where the
    rest was answered before them."""
    in_turn = watch(steady(100), 0, 3600, late=(600, 1200), late_last=False).error_budget
    last = watch(steady(100), 0, 3600, late=(600, 1200)).error_budget
    assert last.late == pytest.approx(in_turn.late / 10, rel=0.01)


def test_a_backlog_that_shrinks_makes_nobody_late_but_those_in_turn() -> None:
    grown = ErrorBudget().heard(60.0, 100.0, 60.0, 500.0, late_last=True)
    assert grown.heard(65.0, 100.0, 5.0, 400.0, late_last=True).late <= grown.late
    in_turn = grown.heard(65.0, 100.0, 5.0, 400.0, late_last=False).late
    assert in_turn == pytest.approx(grown.late + 500.0, rel=0.001)


def test_before_anything_was_late_the_price_is_what_a_burst_would_overdraw() -> None:
    """A burst every two hours is believed in: 144 s of the usual rate late are 2 % of them."""
    assert ErrorBudget().overdrawn(100.0, 0.99, 144.0) == pytest.approx(2.0)
    assert ErrorBudget().overdrawn(100.0, 0.99, 36.0) == 1.0
    assert ErrorBudget().overdrawn(100.0, 0.95, 144.0) == 1.0


def test_good_hours_pay_it_back() -> None:
    bad = watch(steady(100), 0, 3600, late=(600, 1200), late_last=False)
    assert bad.error_budget.overdrawn(100.0, 0.99, 0.0) > 5.0
    good = watch(steady(100), 3605, 12 * 3600, bad)
    assert good.error_budget.overdrawn(100.0, 0.99, 0.0) < 1.5


def test_without_a_reading_of_the_load_nothing_is_overdrawn() -> None:
    assert ErrorBudget().overdrawn(0.0, 0.99, 0.0) == 1.0


def test_who_has_overdrawn_keeps_room_that_is_not_worth_it_to_others() -> None:
    now = watch(steady(100), 0, 600)
    rare = replace(now, surprises=Surprises(((400.0, 9_000.0),), bursts=3.0, watched_s=3600.0))
    assert ahead(rare).reason == "Level"
    overdrawn = replace(rare, error_budget=ErrorBudget(items=360_000.0, late=90_000.0))
    assert ahead(overdrawn).reason == "Insurance"
