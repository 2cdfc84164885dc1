"""How many replicas a load asks for, where the number is beyond all measure."""

from __future__ import annotations

import numpy as np

from trimtab.core.optimise.options import replicas_for


def test_a_load_is_carried_by_the_next_whole_number() -> None:
    rates, capacities = np.array([0.0, 10.0, 10.1]), np.array([5.0, 5.0, 5.0])
    assert replicas_for(rates, capacities).tolist() == [0, 2, 3]


def test_more_than_64_bits_hold_is_many_and_not_less_than_nothing() -> None:
    (many,) = replicas_for(np.array([1e15]), np.array([1e-6])).tolist()
    assert many == 1_000_000_000
