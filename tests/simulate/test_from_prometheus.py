"""Recorded arrivals as traces: nothing invented, nothing lost, and gaps that are told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import accelerator, deployment
from trimtab.api.resources import ModelDeployment
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.from_prometheus import Recorded, recorded

DIGITS = ("shop", "digits")


def fleet(*models: ModelDeployment) -> Fleet:
    return Fleet(models or (deployment(),), {"cpu": accelerator()})


def one(rates: dict[int, float], steps: int, step_s: float = 60.0) -> Recorded:
    (found,) = recorded(fleet(), {DIGITS: rates}, steps, step_s).values()
    return found


def test_rates_become_arrivals_by_step() -> None:
    found = one({0: 2.0, 1: 0.0, 2: 0.5}, 3)
    assert found.trace.counts.tolist() == [120, 0, 30]
    assert found.trace.edges.tolist() == [0, 60, 120, 180]
    assert found.gaps == ()


def test_a_gap_is_played_at_the_rate_before_it_and_told() -> None:
    """No sample is not no load: an idle hour would teach that the fleet may sleep."""
    found = one({0: 2.0, 3: 1.0}, 5)
    assert found.trace.counts.tolist() == [120, 120, 120, 60, 60]
    assert found.gaps == ((60.0, 120.0), (240.0, 60.0))
    assert found.missing_s == 180.0


def test_before_the_first_sample_nothing_is_played() -> None:
    found = one({2: 1.0}, 3)
    assert found.trace.counts.tolist() == [0, 0, 60]
    assert found.gaps == ((0.0, 120.0),)


@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=50))
def test_rounding_loses_no_request(rates: list[float]) -> None:
    """A model of one request in ten minutes has them, and not none."""
    found = one(dict(enumerate(rates)), len(rates))
    assert abs(found.trace.counts.sum() - 60.0 * sum(rates)) < 1.001


def test_a_model_without_requests_is_named_with_those_that_are_known() -> None:
    with pytest.raises(SimulationError, match=r"no requests of model 'digits' .* knows zoo/cats\."):
        recorded(fleet(), {("zoo", "cats"): {0: 1.0}}, 1, 60.0)


def test_two_that_triton_cannot_tell_apart_are_refused() -> None:
    twins = fleet(deployment("a"), replace(deployment("b"), model="a"))
    with pytest.raises(SimulationError, match="both serve 'a'"):
        recorded(twins, {("shop", "a"): {0: 1.0}}, 1, 60.0)
