"""The load of a soak, and its verdict, from made-up moments and results."""

from __future__ import annotations

from decimal import Decimal

import pytest

from e2e.kit.recorder import Moment
from e2e.load.arrivals import Schedule
from e2e.load.stats import Result
from e2e.soak import bursts, verdict
from e2e.soak.verdict import Fault, Promise

PROMISE = Promise({"fp32": Decimal("0.99"), "student": Decimal("0.98")}, Decimal("0.985"),
                  Decimal("0.40"), 0.150)  # fmt: skip
BLIND = Fault("Prometheus away", 100.0, 150.0, 3.0, blinds=True)


def moment(at_s: float, cost: str = "0.10", leader: str = "fp32", **asked: int) -> Moment:
    total = sum(asked.values())
    told = [{"name": leader, "readyReplicas": 1}]
    workloads = {f"{name}/cpu": count for name, count in asked.items()}
    return Moment(at_s, total, total, total, Decimal(cost), {"variants": told}, workloads)


def test_drawn_bursts_are_the_same_for_a_seed_and_last_as_long_as_asked() -> None:
    drawn = bursts.drawn(7, 600.0, 40.0)
    assert drawn == bursts.drawn(7, 600.0, 40.0) != bursts.drawn(8, 600.0, 40.0)
    assert drawn.duration_s == pytest.approx(600.0)
    rates = [s.rate for s in drawn.segments]
    assert max(rates[::2]) <= 20.0 < 28.0 <= min(rates[1::2])
    assert Schedule.parse(bursts.text(drawn)) == drawn


def test_a_trace_is_cut_and_scaled_to_its_peak() -> None:
    counts = [(0.0, 10.0, 999), (10.0, 10.0, 100), (20.0, 10.0, 400), (30.0, 10.0, 999)]
    cut = bursts.cut(counts, 10.0, 20.0, 8.0)
    assert [(s.duration_s, s.rate) for s in cut.segments] == [(10.0, 2.0), (10.0, 8.0)]
    with pytest.raises(ValueError, match="no requests from 50 s"):
        bursts.cut(counts, 50.0, 20.0, 8.0)


def test_every_change_of_a_workload_and_of_what_serves_most_counts() -> None:
    story = [
        moment(0, fp32=1),
        moment(1, fp32=3),
        moment(2, fp32=3, student=1),
        moment(3, leader="student", fp32=0, student=2),
    ]
    assert verdict.scale_changes(story) == 4
    assert verdict.variant_changes(story) == 1


def test_a_shrink_counts_while_the_readings_are_gone_and_not_before_or_after() -> None:
    def shrinks(at_s: float) -> int:
        return verdict.shrinks_on_unknown([moment(at_s, fp32=3), moment(at_s + 1, fp32=2)], [BLIND])

    assert [shrinks(s) for s in (90.0, 103.0, 120.0, 149.5)] == [0, 0, 1, 0]


def test_seconds_over_the_budget_are_those_until_the_next_look() -> None:
    story = [moment(0), moment(1, "0.50"), moment(3, "0.50"), moment(4), moment(60, "0.50")]
    assert verdict.over_budget_s(story, PROMISE.budget) == pytest.approx(3.0)
    # What nobody saw is no time over the budget.
    assert verdict.over_budget_s([moment(0, "0.50"), moment(90)], PROMISE.budget) == 5.0


def test_a_silence_of_the_record_shows() -> None:
    assert verdict.recorded_s([moment(0), moment(2), moment(90), moment(91)]) == 8.0


def test_a_variant_below_the_floor_counts_each_time_it_is_asked_for() -> None:
    story = [moment(0, student=1), moment(1, student=2), moment(2, fp32=1, student=0),
             moment(3, student=1)]  # fmt: skip
    assert verdict.floor_violations(story, PROMISE) == 2
    assert verdict.floor_violations([moment(0, fp32=5)], PROMISE) == 0


def test_a_failure_belongs_to_a_kill_that_was_near() -> None:
    results = [Result(s, 0.1, 0.0, 0, "reset", None) for s in (30.0, 45.0, 60.0)]
    assert verdict.failed_at_kills(results, [50.0]) == 2
    assert verdict.failed_at_kills(results, []) == 0


def test_in_flight_is_what_was_sent_and_not_answered_yet() -> None:
    late, sent = Result(8.0, 4.0, 3.0, 200, "", True), Result(9.0, 2.0, 0.0, 200, "", True)
    assert verdict.in_flight([late, sent], [10.0]) == 1  # the generator had not sent the other
    assert verdict.in_flight([late, sent], [10.9, 11.5, 12.5]) == 2


def test_a_recovery_that_did_not_come_shows() -> None:
    faults = [BLIND, Fault("operator killed", 1.0, 2.0, None), BLIND]
    assert verdict.recoveries(faults) == {"Prometheus away": [3.0, 3.0], "operator killed": [-1.0]}
    assert verdict.counted(faults) == {"Prometheus away": 2, "operator killed": 1}


def test_late_and_failed_are_both_not_in_time() -> None:
    results = [Result(0.0, 0.1, 0.0, 200, "", True), Result(0.0, 0.2, 0.0, 200, "", True),
               Result(0.0, 0.1, 0.0, 0, "refused", None)]  # fmt: skip
    assert verdict.in_time(results, 0.150) == 1
