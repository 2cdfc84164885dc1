"""One number in hindsight: the least cost that keeps the promise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from trimtab.api.resources import ObjectKey
from trimtab.simulate.policies.tune import Outcome, tune

A, B = ObjectKey("shop", "a"), ObjectKey("shop", "b")


def test_two_models_find_their_own_numbers_in_the_same_runs() -> None:
    runs = []

    def play(knobs: Mapping[ObjectKey, float]) -> dict[ObjectKey, Outcome]:
        runs.append(dict(knobs))
        edges = {A: 0.5, B: 0.8}
        return {k: Outcome(1.0 if v <= edges[k] else 0.9, 1.0 / v) for k, v in knobs.items()}

    found = tune(play, {A: (0.1, 1.0), B: (0.1, 1.0)})
    assert found[A] == pytest.approx(0.5, rel=0.03)
    assert found[B] == pytest.approx(0.8, rel=0.03)
    assert found[A] <= 0.5
    assert found[B] <= 0.8
    assert len(runs) == 8


def test_where_nothing_keeps_the_promise_the_one_that_attained_most_is_returned() -> None:
    def play(knobs: Mapping[ObjectKey, float]) -> dict[ObjectKey, Outcome]:
        return {k: Outcome(0.9 - abs(v - 0.1), 1.0) for k, v in knobs.items()}

    assert tune(play, {A: (0.1, 1.0)})[A] == 0.1


def test_models_that_share_a_limit_share_a_number_that_keeps_the_promise_for_each() -> None:
    def play(knobs: Mapping[ObjectKey, float]) -> dict[ObjectKey, Outcome]:
        assert knobs[A] == knobs[B]
        edges = {A: 0.5, B: 0.8}
        # What is saved is spent on accuracy: the cost stays.
        return {k: Outcome(1.0 if v <= edges[k] else 0.9, 1.0) for k, v in knobs.items()}

    found = tune(play, {A: (0.1, 1.0), B: (0.1, 1.0)}, together=frozenset({A, B}))
    assert found[A] == found[B] == pytest.approx(0.5, rel=0.03)


def test_a_dearer_number_that_also_keeps_it_is_not_taken() -> None:
    """Attainment need not fall evenly: the cheapest of all that were tried counts."""

    def play(knobs: Mapping[ObjectKey, float]) -> dict[ObjectKey, Outcome]:
        return {k: Outcome(1.0, 5.0 if v > 0.2 else 1.0) for k, v in knobs.items()}

    assert tune(play, {A: (0.1, 1.0)})[A] == 0.1
