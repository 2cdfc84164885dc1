"""What is told of an autoscaler, from a load and a record that are known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from e2e.kit.recorder import Moment
from e2e.load.arrivals import Schedule
from e2e.load.stats import Result
from e2e.peers.figures import Outcome, outcome, table

START_S = 1_000_000.0
SCHEDULE = Schedule.parse("30s@10,20s@100,30s@15,20s@80")


def moment(second: float, replicas: int) -> Moment:
    return Moment(START_S + second, replicas, replicas, replicas, Decimal("0.10") * replicas)


def answer(second: float, latency_s: float, error: str = "") -> Result:
    return Result(second, latency_s, 0.0, 0 if error else 200, error, None)


def told(moments: list[Moment], results: list[Result]) -> Outcome:
    return outcome("it", results, moments, START_S, SCHEDULE, 0.15)


def test_a_request_that_failed_was_not_in_time() -> None:
    results = [answer(1.0, 0.1), answer(2.0, 0.2), answer(3.0, 0.01, "timeout"), answer(4.0, 0.15)]
    found = told([moment(0.0, 1)], results)
    assert (found.requests, found.failed, found.in_time) == (4, 1, 0.5)


def test_cost_is_by_the_time_that_it_stood() -> None:
    moments = [moment(-50.0, 9), moment(0.0, 1), moment(75.0, 3), moment(100.0, 3)]
    found = told(moments, [answer(1.0, 0.1)])
    assert found.cost_per_hour == pytest.approx((75 * 0.1 + 25 * 0.3) / 100)
    assert (found.most_replicas, found.changes) == (3, 1)


def test_reaction_is_from_a_burst_to_the_patch_that_it_brought() -> None:
    moments = [moment(0.0, 1), moment(31.0, 1), moment(36.5, 2), moment(55.0, 1)]
    found = told([*moments, moment(81.0, 2), moment(90.0, 3)], [answer(1.0, 0.1)])
    assert found.reaction_s == 6.5  # the second burst came to two


def test_who_never_grew_has_no_reaction() -> None:
    found = told([moment(0.0, 1), moment(99.0, 1)], [answer(1.0, 0.1)])
    assert found.reaction_s is None
    assert table([found]).splitlines()[-1] == (
        "| it | 1 | 0 | 100.00 % | 100 ms | 0.100 | 1 | 0 | - |"
    )
