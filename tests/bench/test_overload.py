"""What becomes of an overload: shares in time, of results and of the simulator, and the table."""

from __future__ import annotations

from bench.calibration.cases import CASES
from bench.calibration.compare import Profile
from bench.calibration.shares import Shares, in_time, simulated
from bench.overload import Row, as_markdown
from e2e.load.arrivals import Schedule, Segment
from e2e.load.stats import Result

PROFILE = Profile.of(CASES["digits-int8"], {1: 0.010, 2: 0.018, 4: 0.034, 8: 0.066}, 90.0)


def test_a_request_that_failed_was_not_in_time() -> None:
    results = [
        Result(0.0, 0.05, 0.0, 200, "", None),
        Result(1.0, 0.01, 0.0, 0, "refused", None),
        Result(2.0, 0.30, 0.0, 200, "", None),
        Result(20.0, 0.10, 0.0, 200, "", None),
    ]
    assert in_time(results, 0.1, 20.0) == Shares(1 / 3, 1.0)


def test_the_simulator_knows_the_order_of_the_queue() -> None:
    """Twice the capacity for twenty seconds: in turn hardly any is in time, nor afterwards."""
    arrivals = Schedule((Segment(20.0, 180.0), Segment(10.0, 30.0))).arrivals(1)
    in_turn = simulated(PROFILE, arrivals, 0.25, 20.0, 8, late_last=False)
    last = simulated(PROFILE, arrivals, 0.25, 20.0, 8, late_last=True)
    assert in_turn.flood < 0.05
    assert in_turn.after < 0.05
    assert 0.4 < last.flood < 0.55
    assert last.after > 0.9


def test_both_orders_stand_beside_each_other() -> None:
    rows = [
        Row("InTurn", 2.0, 100, 1, Shares(0.01, 0.02), Shares(0.03, 0.04)),
        Row("Last", 2.0, 100, 0, Shares(0.45, 0.97), Shares(0.46, 0.98)),
    ]
    table = as_markdown(rows, 0.25)
    assert "| 200% | 1.0% (3.0%) | 2.0% (4.0%) | 45.0% (46.0%) | 97.0% (98.0%) | 1 |" in table
