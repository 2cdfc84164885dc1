"""The figures of a demo run, from made-up results and moments."""

from __future__ import annotations

from decimal import Decimal

from e2e.demo.result import Phases, figures
from e2e.kit.recorder import Moment
from e2e.load.stats import Result

PHASES = Phases(up_s=10.0, down_s=60.0, end_s=100.0)
STARTED_S = 1000.0


def moment(second: float, replicas: int, ready: int, cost: str) -> Moment:
    return Moment(STARTED_S + second, replicas, ready, replicas, Decimal(cost))


def results() -> list[Result]:
    """One request a second: 20 ms, 900 ms while scaling, 40 ms once scaled, 30 ms after."""

    def latency_s(second: float) -> float:
        if second < 10:
            return 0.020
        if second < 50:
            return 0.900
        return 0.040 if second < 60 else 0.030

    return [Result(float(s), latency_s(s), 0.001, 200, "", True) for s in range(100)]


MOMENTS = [
    moment(0, 1, 1, "0.10"),
    moment(9, 1, 1, "0.10"),
    moment(14.5, 3, 1, "0.30"),
    moment(20, 3, 3, "0.30"),
    moment(90, 1, 1, "0.20"),
    moment(99, 1, 1, "0.10"),
]


def test_each_phase_has_its_own_percentile() -> None:
    found = figures(results(), MOMENTS, STARTED_S, PHASES, 150.0, Decimal("0.60"))
    assert found.requests == 100
    assert found.failed == 0
    assert (found.p99_before_ms, found.p99_during_ms) == (20.0, 900.0)
    assert (found.p99_settled_ms, found.p99_after_ms) == (40.0, 30.0)


def test_reaction_and_fleet() -> None:
    found = figures(results(), MOMENTS, STARTED_S, PHASES, 150.0, Decimal("0.60"))
    assert (found.replicas_before, found.replicas_peak, found.replicas_after) == (1, 3, 1)
    assert (found.seconds_from_step_to_patch, found.seconds_from_step_to_ready) == (4.5, 10.0)
    assert (found.cost_per_hour_peak, found.cost_per_hour_after) == (0.3, 0.1)


def test_a_fleet_that_never_grew_says_never() -> None:
    flat = [moment(s, 1, 1, "0.10") for s in range(0, 100, 5)]
    found = figures(results(), flat, STARTED_S, PHASES, 150.0, Decimal("0.60"))
    assert found.seconds_from_step_to_patch is None
    assert found.seconds_from_step_to_ready is None
    assert found.replicas_peak == 1


def test_a_failed_request_is_counted() -> None:
    bad = results()
    bad[50] = bad[50]._replace(status=503, error="status 503")
    found = figures(bad, MOMENTS, STARTED_S, PHASES, 150.0, Decimal("0.60"))
    assert found.failed == 1
    assert found.errors == {"status 503": 1}
