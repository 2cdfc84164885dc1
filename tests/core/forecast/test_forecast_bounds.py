"""Whatever was read, a forecast may only raise; what was not read raises nothing."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import deployment, steady
from tests.core.forecast.rates import bursts, watch
from trimtab.core.demand import estimate_demand, foresee
from trimtab.core.forecast import History, forecast, record
from trimtab.core.memory import ModelMemory
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.signals import Known, Missing, Reading, Stale
from trimtab.core.snapshot import ModelReadings, ModelState

EAGER = PolicySettings(late_price_s=40.0)
OFTEN = (1000, 1890, 2490, 3170, 3770)
UNREACHABLE = Missing("PrometheusUnreachable", "Connection refused.")


@given(
    st.lists(st.tuples(st.floats(0.1, 400.0), st.floats(0.0, 1e5)), max_size=60),
    st.floats(0.0, 1e5),
    st.floats(0.0, 600.0),
    st.floats(0.0, 1e3),
)
def test_it_is_never_below_the_level_and_always_a_number(
    steps: list[tuple[float, float]], level: float, lead_s: float, price_s: float
) -> None:
    """The times between readings may be anything: scrapes that fail leave gaps."""
    history, now_s = History(), 1e9
    for step_s, rate in steps:
        now_s += step_s
        history = record(history, now_s, rate, 10.0, lead_s, lead_s)
    told = forecast(history, level, now_s, lead_s, 0.99, PolicySettings(late_price_s=price_s))
    assert told.rate >= level
    assert math.isfinite(told.rate)


@given(st.floats(0.0, 1e6), st.floats(0.0, 600.0))
def test_what_knows_nothing_says_the_latest_rate(level: float, lead_s: float) -> None:
    told = forecast(History(), level, 1e9, lead_s, 0.99, DEFAULT_POLICY)
    assert (told.rate, told.reason) == (level, "Level")


def test_a_time_that_was_read_before_is_not_read_again() -> None:
    history = watch(steady(100), 0, 300)
    assert record(history, 300.0, 900.0, 10.0, 60.0, 50.0) is history
    assert record(history, 290.0, 900.0, 10.0, 60.0, 50.0) is history


def readings(long: Reading, fast: Reading) -> ModelState:
    none = Missing("NoTraffic", "No request.")
    return ModelState(deployment(), readings=ModelReadings(long, fast, none, none, none))


def test_blind_it_neither_raises_nor_learns() -> None:
    memory = ModelMemory(history=watch(bursts(100, 400, *OFTEN), 0, 4500))
    seen = readings(Known(100.0, 4505.0), Known(100.0, 4505.0))
    demand = estimate_demand(seen, memory, EAGER)
    assert (foresee(demand, memory, seen, 4505.0, EAGER)[0].rate or 0.0) > 300
    for lost in (UNREACHABLE, Stale(90.0, last_value=0.0)):
        blind = readings(lost, lost)
        demand = estimate_demand(blind, memory, EAGER)
        assert foresee(demand, memory, blind, 4505.0, EAGER) == (demand, memory.history)
    # The short window alone is enough to grow on as measured, and not on what it may foretell.
    half = readings(UNREACHABLE, Known(100.0, 4505.0))
    demand = estimate_demand(half, memory, EAGER)
    assert foresee(demand, memory, half, 4505.0, EAGER)[0] == demand


def test_only_the_measured_part_is_remembered_as_load() -> None:
    memory = ModelMemory(history=watch(bursts(100, 400, *OFTEN), 0, 4500))
    seen = readings(Known(100.0, 4505.0), Known(100.0, 4505.0))
    demand, _ = foresee(estimate_demand(seen, memory, EAGER), memory, seen, 4505.0, EAGER)
    assert demand.reason == "Insurance"
    assert demand.measured is not None
    assert demand.measured < 110 < (demand.rate or 0.0)
