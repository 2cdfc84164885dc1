"""What the latest rates tell of bursts, and what they do not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.burstiness import dispersion, is_steady

Recent = tuple[tuple[float, float], ...]


def counted(counts: list[float], window_s: float = 10.0) -> Recent:
    """Rates that were counted one window after the other."""
    return tuple((window_s * (i + 1), count / window_s) for i, count in enumerate(counts))


def noisy(mean: float, index: float, samples: int, seed: int = 5) -> Recent:
    """Counts with `index` times the variance of Poisson's."""
    rng = random.Random(seed)
    return counted([max(0.0, rng.gauss(mean, (index * mean) ** 0.5)) for _ in range(samples)])


def test_a_poisson_load_is_not_bursty() -> None:
    assert dispersion(noisy(1000, 1.0, 60), 10.0, 10.0, 1) == pytest.approx(1.0, abs=0.2)


def test_bursts_are_found_and_counted_for_the_time_that_matters() -> None:
    recent = noisy(100_000, 30.0, 60)
    assert dispersion(recent, 10.0, 0.1, 1) == pytest.approx(1.25, abs=0.1)
    assert dispersion(recent, 10.0, 1.0, 1) == pytest.approx(3.5, abs=0.5)


def test_replicas_share_the_bursts() -> None:
    recent = noisy(100_000, 30.0, 60)
    alone = dispersion(recent, 10.0, 0.5, 1)
    assert dispersion(recent, 10.0, 0.5, 5) - 1.0 == pytest.approx((alone - 1.0) / 5.0)


def test_a_step_of_the_load_is_no_burstiness() -> None:
    quiet, busy = noisy(1000, 1.0, 25), noisy(3000, 1.0, 25, seed=6)
    moved = counted([10.0 * r for _, r in (*quiet, *busy)])
    assert dispersion(moved, 10.0, 1.0, 1) < 1.1


def test_no_samples_tell_nothing() -> None:
    assert dispersion((), 10.0, 1.0, 1) == 1.0
    assert dispersion(counted([0.0, 0.0, 0.0]), 10.0, 1.0, 1) == 1.0


def test_few_windows_are_believed_less_than_many() -> None:
    def mean_of(samples: int) -> float:
        found = [dispersion(noisy(10_000, 20.0, samples, s), 10.0, 0.5, 1) for s in range(20)]
        return sum(found) / len(found)

    assert mean_of(4) < 1.5 < mean_of(60) < 2.1


def test_windows_that_overlap_are_not_counted_twice() -> None:
    recent = noisy(10_000, 20.0, 30)
    doubled = tuple(sorted((*recent, *((t - 5.0, 1.0) for t, _ in recent))))
    assert dispersion(doubled, 10.0, 1.0, 1) == dispersion(recent, 10.0, 1.0, 1)


@given(st.lists(st.floats(0, 1e6), max_size=40), st.floats(0.001, 60.0), st.integers(0, 50))
def test_it_stays_within_what_the_model_was_held_against(
    counts: list[float], scale_s: float, replicas: int
) -> None:
    assert 1.0 <= dispersion(counted(counts), 10.0, scale_s, replicas) <= 4.0


def test_a_load_is_steady_until_a_rate_stands_out() -> None:
    recent = noisy(1000, 1.0, 12)
    assert is_steady(recent, 10.0, 120.0, 90.0)
    leapt = (*recent, (130.0, 160.0))
    assert not is_steady(leapt, 10.0, 130.0, 90.0)
    assert is_steady((*leapt, *((130.0 + 10 * i, 100.0) for i in range(1, 12))), 10.0, 240.0, 90.0)
    assert not is_steady((), 10.0, 0.0, 90.0)
