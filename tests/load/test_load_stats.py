"""Percentiles, the live second and the summary."""

from __future__ import annotations

import pytest

from e2e.load.stats import Result, Tally, percentile, summarise


def result(scheduled_s: float, latency_s: float, error: str = "") -> Result:
    return Result(scheduled_s, latency_s, 0.0, 200, error, None)


@pytest.mark.parametrize(
    ("count", "percent", "rank"),
    [(1, 99, 1), (2, 50, 1), (100, 99, 99), (100, 100, 100), (101, 99, 100), (1000, 99.9, 999)],
)
def test_a_percentile_is_the_nearest_rank(count: int, percent: float, rank: int) -> None:
    assert percentile(range(1, count + 1), percent) == rank


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 99) is None


def test_a_failure_is_counted_and_does_not_flatter_the_percentiles() -> None:
    quick_refusal = result(1, 0.0001, "connection refused")
    summary = summarise([result(0, 0.05), quick_refusal])
    assert (summary.requests, summary.failed) == (2, 1)
    assert summary.errors == {"connection refused": 1}
    assert summary.p50_s == summary.max_s == 0.05


def test_a_window_takes_what_was_scheduled_in_it_whenever_it_finished() -> None:
    summary = summarise([result(9.9, 5.0), result(10.0, 1.0), result(20.0, 1.0)], 0, 10)
    assert (summary.requests, summary.max_s) == (1, 5.0)


def test_accuracy_is_over_those_that_were_judged() -> None:
    judged = [result(0, 1)._replace(correct=correct) for correct in (True, True, False, None)]
    assert summarise(judged).accuracy == pytest.approx(2 / 3)
    assert summarise([result(0, 1)]).accuracy is None


def test_a_second_holds_what_was_sent_and_what_finished_in_it() -> None:
    tally = Tally()
    for _ in range(3):
        tally.sent()
    tally.finished(result(0, 0.2))
    tally.finished(result(0, 0.1, "timeout"))
    assert tally.close_second() == (0, 3, 1, 1, 1, 0.2, 0.2)
    tally.finished(result(0, 0.9))
    assert tally.close_second() == (1, 0, 1, 0, 0, 0.9, 0.9)
