"""Intervals: against published figures, and what must hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.compress import interval

COUNTS = st.integers(0, 400)


def test_wilson() -> None:
    # The textbook case: 8 of 10 at 95 % is 0.490 to 0.943.
    assert interval.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert interval.wilson(4, 4)[1] == 1.0
    with pytest.raises(ValueError, match="not a proportion"):
        interval.wilson(0, 0)


@given(st.integers(1, 3000), st.data())
def test_a_share_lies_in_its_interval(total: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    low, high = interval.wilson(correct, total)
    assert 0.0 <= low <= correct / total <= high <= 1.0


def test_newcombe_as_published() -> None:
    """Newcombe 1998, table II, method 10: pairs 36, 12, 2, 0."""
    assert interval.newcombe(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=1e-4)


def test_pairs_tell_more_than_two_figures() -> None:
    """540 items, the same five wrong in both: alone, each is known within 0.9 points only."""
    low, high = interval.newcombe(535, 0, 0, 5)
    assert low == pytest.approx(-high)
    assert high == pytest.approx(0.0078, abs=1e-4)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_difference_lies_in_its_interval(a: int, b: int, c: int, d: int) -> None:
    if a + b + c + d == 0:
        return
    difference = (b - c) / (a + b + c + d)
    low, high = interval.newcombe(a, b, c, d)
    assert low <= difference + 1e-12
    assert difference <= high + 1e-12
    # Who is called the first does not matter.
    assert interval.newcombe(a, c, b, d) == pytest.approx((-high, -low))


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_drop_of_proportions_counts_the_pairs(right: list[bool], seed: int) -> None:
    before = np.array(right, float)
    after = np.random.default_rng(seed).permutation(before)
    pairs = [int(((before == one) & (after == other)).sum()) for one in (1, 0) for other in (1, 0)]
    assert interval.drop(before, after) == interval.newcombe(*pairs)


def test_scores_that_are_no_proportion_take_the_normal_interval() -> None:
    scores = np.array([0.2, 0.4, 0.6, 0.8])
    low, high = interval.mean(scores)
    half = 1.96 * np.std(scores, ddof=1) / 2
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-3)
    assert interval.drop(scores, scores) == (0.0, 0.0)
    assert interval.mean(np.array([0.5])) == (0.0, 1.0)


def test_median_needs_six_values() -> None:
    assert interval.median([1.0] * 5) == (float("-inf"), float("inf"))
    assert interval.median([6.0, 1.0, 2.0, 3.0, 4.0, 5.0]) == (1.0, 6.0)
    # Binomial tables: of 21 values, the sixth from either end.
    assert interval.median([float(v) for v in range(21)]) == (5.0, 15.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=80))
def test_a_median_lies_in_its_interval(values: list[float]) -> None:
    low, high = interval.median(values)
    assert low <= np.median(values) <= high
