"""What pods count themselves, as a model's load."""

from __future__ import annotations

import pytest

from trimtab.core.snapshot import CountedLoad
from trimtab.observe.counted import Count, Counted, counted_load, with_count
from trimtab.observe.pod_counts import Counts

FAST_S, LONG_S = 10.0, 60.0


def counted(*counts: tuple[float, Counts]) -> Counted:
    """Of one pod, each (seconds, counts)."""
    known: Counted = ()
    for at_s, of in counts:
        known = with_count(known, Count(at_s, of), LONG_S + FAST_S)
    return known


def steady(rate: float, seconds: int) -> Counted:
    """Asked every five seconds by a load that never changes."""
    times = [5.0 * i for i in range(seconds // 5 + 1)]
    return counted(*((t, Counts(success=rate * t, items=rate * t)) for t in times))


def load(*pods: Counted) -> CountedLoad:
    found = counted_load(pods, 0.0, FAST_S, LONG_S)
    assert found is not None
    return found


def test_the_rates_of_all_pods_are_one_load() -> None:
    assert load(steady(30.0, 60), steady(20.0, 60)) == pytest.approx((50.0, 50.0, 0.0, 1.0))


def test_a_jump_is_whole_in_the_fast_window_and_a_part_of_the_long_one() -> None:
    pod = counted(
        *((t, Counts(success=10.0 * t)) for t in range(0, 61, 5)),
        (65.0, Counts(success=600.0 + 500.0)),
        (70.0, Counts(success=600.0 + 1000.0)),
    )
    assert load(pod).rate_fast == pytest.approx(100.0)
    assert load(pod).rate == pytest.approx((500.0 + 1000.0) / 60.0)


def test_less_than_the_fast_window_tells_of_nothing() -> None:
    """The noise of five seconds would be grown on, and nothing shrinks again while blind."""
    assert counted_load([steady(30.0, 5)], 0.0, FAST_S, LONG_S) is None
    assert counted_load([], 0.0, FAST_S, LONG_S) is None
    assert load(steady(30.0, 5), steady(20.0, 10)).rate == pytest.approx(20.0)


def test_one_count_is_no_rate_however_short_the_window() -> None:
    assert counted_load([steady(30.0, 0)], 0.0, 1.0, 1.0) is None


def test_ticks_that_are_a_little_early_fill_the_window() -> None:
    assert load(counted((0.0, Counts()), (9.8, Counts(success=98.0)))).rate == pytest.approx(10.0)


def test_failures_and_a_backlog_that_grows_arrive_too() -> None:
    pod = counted((0.0, Counts(success=5.0)), (10.0, Counts(success=105.0, failure=50, pending=40)))
    assert load(pod).rate_fast == pytest.approx(10.0 + 5.0 + 4.0)
    assert load(pod).pending == 40.0


def test_a_backlog_that_drains_takes_nothing_off_what_arrives() -> None:
    pod = counted((0.0, Counts(pending=90.0)), (10.0, Counts(success=100.0, pending=10.0)))
    assert load(pod).rate_fast == pytest.approx(10.0)


def test_a_triton_that_starts_anew_is_counted_anew() -> None:
    """As a difference it were a rate below nothing."""
    pod = counted((0.0, Counts(success=900.0)), (5.0, Counts(success=950.0)), (10.0, Counts()))
    assert pod == (Count(10.0, Counts()),)


def test_a_pod_that_answers_no_more_counts_no_more() -> None:
    """Its share goes to the others, and was counted at both."""
    pods = [steady(30.0, 60), steady(20.0, 65)]
    found = counted_load(pods, 65.0, FAST_S, LONG_S)
    assert found is not None
    assert found.rate == pytest.approx(20.0)
    assert counted_load(pods, 70.0, FAST_S, LONG_S) is None


def test_a_clock_that_is_set_back_begins_anew() -> None:
    """As 50 s of requests in five they were ten times the load."""
    later = Count(20.0, Counts(1900.0, items=1900.0))
    assert with_count(steady(30.0, 60), later, 70.0) == (later,)


def test_hits_are_left_out_as_far_as_they_are_counted_on_and_items_are_told() -> None:
    pod = counted((0.0, Counts()), (10.0, Counts(success=100.0, hits=60.0, items=160.0)))
    assert load(pod) == pytest.approx((4.0, 4.0, 0.0, 4.0))
    nearly_all = counted((0.0, Counts()), (10.0, Counts(success=100.0, hits=99.0, items=1.0)))
    assert load(nearly_all).rate == pytest.approx(2.5)


def test_only_a_window_is_kept() -> None:
    pod = steady(10.0, 600)
    assert pod[0].at_s == 600.0 - LONG_S - FAST_S
    assert len(pod) == 15
