"""Replicas over time for the clairvoyant."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trimtab.simulate.policies.timeline import alive, cheapest_sequence, held, need, peak_rate

NEEDS = st.lists(st.integers(0, 5), min_size=1, max_size=30)


def test_need_rounds_up_and_an_exact_multiple_needs_no_more() -> None:
    rates = np.array([0.0, 100.0, 100.1, 250.0])
    assert need(rates, 100.0, 1.0, 1).tolist() == [1, 1, 2, 3]
    assert need(rates, 100.0, 1.3, 1).tolist() == [1, 2, 2, 4]


def test_a_replica_is_created_a_start_before_it_is_needed_and_kept_through_a_short_gap() -> None:
    assert alive(np.array([1, 1, 1, 1, 2, 1, 1, 1]), 2, 1).tolist() == [1, 1, 2, 2, 2, 1, 1, 1]
    # A gap of 3 ticks takes as long as to start (2) and to drain (1) anew.
    assert alive(np.array([2, 1, 1, 1, 2]), 2, 1).tolist() == [2, 2, 2, 2, 2]
    assert alive(np.array([2, 1, 1, 1, 1, 2]), 2, 1).tolist() == [2, 1, 1, 2, 2, 2]


@given(NEEDS, st.integers(0, 6), st.integers(0, 3))
def test_what_is_needed_has_existed_for_a_start(needed: list[int], start: int, drain: int) -> None:
    counts = alive(np.array(needed), start, drain)
    for t, n in enumerate(needed):
        assert counts[max(0, t - start) : t + 1].min() >= n


@given(NEEDS, st.integers(0, 6), st.integers(0, 3))
def test_nothing_exists_that_no_need_explains(needed: list[int], start: int, drain: int) -> None:
    counts = alive(np.array(needed), start, drain)
    for t, n in enumerate(counts):
        around = needed[max(0, t - start - drain) : t + start + drain + 1]
        assert n <= max(around)


@given(
    st.integers(1, 3).flatmap(
        lambda o: st.tuples(
            *(
                st.lists(
                    st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=o, max_size=o
                )
                for _ in range(2)
            )
        )
    )
)
def test_the_cheapest_sequence_is_as_cheap_as_any(tables: tuple[list[list[int]], ...]) -> None:
    prices, entry = (np.array(t, dtype=float) for t in tables)

    def cost(path: tuple[int, ...]) -> float:
        total = sum(prices[o, t] for t, o in enumerate(path))
        return float(total + sum(entry[path[t], t] for t in range(1, 5) if path[t] != path[t - 1]))

    found = tuple(int(o) for o in cheapest_sequence(prices, entry))
    assert cost(found) == min(cost(p) for p in product(range(len(prices)), repeat=5))


def test_the_peak_is_a_quantile_of_ten_second_rates() -> None:
    counts = np.array([10] * 90 + [100] * 10)
    assert peak_rate(counts, 10, 1.0) == 100.0
    assert peak_rate(counts, 10, 0.5) == 10.0


def test_a_replica_that_drains_still_holds_its_place() -> None:
    assert held(np.array([1, 3, 1, 1, 2]), 1).tolist() == [1, 3, 3, 1, 2]
    assert held(np.array([1, 3, 1, 1, 2]), 0).tolist() == [1, 3, 1, 1, 2]
