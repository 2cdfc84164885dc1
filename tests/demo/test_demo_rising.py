"""The figures of the variants' demo, from made-up results and moments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from e2e.demo.rising import RISE, duration_s, rising_figures, schedule
from e2e.kit.recorder import Moment
from e2e.load.arrivals import Schedule
from e2e.load.stats import Result


def moment(second: float, cost: str, **ready: int) -> Moment:
    told = [{"name": n, "replicas": count, "readyReplicas": count} for n, count in ready.items()]
    total = sum(ready.values())
    return Moment(1000.0 + second, total, total, total, Decimal(cost), {"variants": told})


MOMENTS = [
    moment(0, "0.10", fp32=1),
    moment(40, "0.50", fp32=5),
    moment(60, "0.60", fp32=2, int8=4),
    moment(80, "0.40", int8=4),
    moment(300, "0.10", fp32=1),
]


def test_what_served_is_told_in_order_of_time() -> None:
    results = [Result(float(s), 0.2 if s < 10 else 0.05, 0.0, 200, "", s != 50) for s in range(100)]
    found = rising_figures(
        results,
        MOMENTS,
        fast="int8",
        accurate="fp32",
        target_ms=150.0,
        floor=0.97,
        budget=Decimal("0.60"),
    )
    assert found.variants == ["fp32", "int8", "fp32"]
    assert (found.accurate_replicas_peak, found.fast_replicas_peak) == (5, 4)
    assert found.in_time == pytest.approx(0.9)
    assert found.accuracy == pytest.approx(0.99)
    assert found.cost_per_hour_peak == pytest.approx(0.60)


def test_a_request_that_failed_was_not_in_time() -> None:
    results = [Result(0.0, 0.01, 0.0, 0, "refused", None), Result(1.0, 0.01, 0.0, 200, "", True)]
    found = rising_figures(
        results,
        MOMENTS,
        fast="int8",
        accurate="fp32",
        target_ms=150.0,
        floor=0.97,
        budget=Decimal(1),
    )
    assert (found.failed, found.in_time) == (1, 0.5)


def test_the_load_rises_and_falls_back_to_where_it_began() -> None:
    parsed = Schedule.parse(schedule(100.0))
    rates = [segment.rate for segment in parsed.segments]
    assert parsed.duration_s == duration_s()
    assert rates[0] == rates[-1] == 12
    assert max(rates) == 180
    assert len(rates) == len(RISE)
