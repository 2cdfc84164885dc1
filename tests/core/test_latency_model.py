"""The model against a simulation of the same queue, event by event, and its own laws.

Measured relative errors of p99, model against simulation (one seed), over loads of 10 to 90 % of
saturation and the curves below; the bounds are these, rounded outwards:
                                     median   worst
one instance, Poisson                  1 %     8 %
one instance, dispersion 2 and 4       1 %    14 %
two instances, Poisson                 3 %     8 %
two instances, dispersion 2            2 %    18 %
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.queue_simulation import simulated
from trimtab.core.latency import (
    ReplicaModel,
    ServiceCurve,
    best_batch_cap,
    capacity_rate,
    unbounded_capacity_rate,
)

ONE = ServiceCurve(((1, 0.010),))
AFFINE = ServiceCurve(((1, 0.010), (8, 0.031)))
FLAT = ServiceCurve(((1, 0.010), (32, 0.020)))
KNEE = ServiceCurve(((1, 0.010), (8, 0.011), (16, 0.020), (32, 0.040)))
FALLING_THROUGHPUT = ServiceCurve(((1, 0.010), (2, 0.025), (8, 0.150)))
LOADS = (0.1, 0.3, 0.6, 0.8, 0.9)
QUEUES = [
    *((ONE, 1), (AFFINE, 4), (AFFINE, 8), (AFFINE, 16), (AFFINE, 32)),
    *((FLAT, 8), (FLAT, 32), (KNEE, 8), (KNEE, 16), (FALLING_THROUGHPUT, 8)),
]
POOLED = [(ONE, 1), (AFFINE, 4), (AFFINE, 8), (AFFINE, 16), (FLAT, 32), (KNEE, 8)]


def errors_of_p99(curve: ServiceCurve, cap: int, instances: int, dispersion: float) -> list[float]:
    """The relative error at each of LOADS."""
    model = ReplicaModel(curve, instances, cap, dispersion)
    found = []
    for load in LOADS:
        seen = simulated(curve, cap, instances, dispersion, load)
        predicted = model.latency_s(load * model.saturation_rate, 99.0)
        found.append(predicted / float(np.quantile(seen, 0.99)) - 1.0)
    return found


@pytest.mark.parametrize(
    ("queues", "instances", "dispersion", "median", "worst"),
    [
        (QUEUES[:5], 1, 1.0, 0.03, 0.10),
        (QUEUES[5:], 1, 1.0, 0.03, 0.10),
        (QUEUES[:5], 1, 2.0, 0.04, 0.10),
        (QUEUES[5:], 1, 4.0, 0.04, 0.12),
        (POOLED[:3], 2, 1.0, 0.08, 0.15),
        (POOLED[3:], 2, 1.0, 0.08, 0.15),
        (POOLED[:3], 2, 2.0, 0.08, 0.22),
    ],
)
def test_p99_is_that_of_the_simulated_queue(
    queues: list[tuple[ServiceCurve, int]],
    instances: int,
    dispersion: float,
    median: float,
    worst: float,
) -> None:
    errors = {queue: errors_of_p99(*queue, instances, dispersion) for queue in queues}
    sizes = np.abs(list(errors.values()))
    told = "\n".join(
        f"{c.points} cap {b}: " + " ".join(f"{100 * e:+.0f}" for e in row)
        for (c, b), row in errors.items()
    )
    assert np.median(sizes) <= median, told
    assert sizes.max() <= worst, told


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("share", [0.1, 0.05, 0.01])
def test_the_share_that_is_late_is_that_of_the_simulated_queue(load: float, share: float) -> None:
    model = ReplicaModel(AFFINE, batch_cap=8)
    seen = simulated(AFFINE, 8, 1, 1.0, load)
    target_s = float(np.quantile(seen, 1.0 - share))
    predicted = model.late_share(load * model.saturation_rate, target_s)
    assert predicted == pytest.approx(share, rel=0.25)


@pytest.mark.parametrize("load", [0.3, 0.5, 0.7, 0.8, 0.9])
def test_m_d_1_agrees_with_the_exact_series(load: float) -> None:
    exact = exact_m_d_1_percentile(load, 0.99)
    predicted = ReplicaModel(ONE).latency_s(load / 0.010, 99.0)
    assert predicted == pytest.approx(exact * 0.010, rel=0.02)


def exact_m_d_1_percentile(load: float, share: float) -> float:
    """Sojourn percentile in service times, by Erlang: P(W<=t) = (1-r) sum (r(k-t))^k/k! e^..."""

    def waits_at_most(t: float) -> float:
        terms = (
            (load * (k - t)) ** k / math.factorial(k) * math.exp(-load * (k - t))
            for k in range(math.floor(t) + 1)
        )
        return (1.0 - load) * math.fsum(terms)

    low, high = 0.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        if waits_at_most(middle) < share:
            low = middle
        else:
            high = middle
    return 1.0 + high


# A batch of two never takes more than four times as long as one request.
curves = st.builds(
    lambda first, slopes: ServiceCurve(
        tuple(
            itertools.accumulate(
                slopes, lambda p, s: (p[0] * 2, p[1] + p[0] * s * first), initial=(1, first)
            )
        )
    ),
    st.floats(1e-3, 0.1),
    st.lists(st.floats(0.01, 3.0), max_size=4),
)
models = st.builds(
    ReplicaModel,
    curves,
    st.sampled_from([1, 2]),
    st.sampled_from([1, 2, 7, 8]),
    st.sampled_from([1.0, 2.0]),
)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(models, st.sampled_from([90.0, 99.0, 99.9]))
def test_more_load_is_never_faster(model: ReplicaModel, percentile: float) -> None:
    most = model.saturation_rate
    walk = [model.latency_s(most * i / 40, percentile) for i in range(44)]
    # 1 %: quantiles are told to a step of the grid that they are counted on.
    assert all(a <= b * 1.01 for a, b in itertools.pairwise(walk))
    assert walk[-1] == math.inf


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(models, st.floats(0.005, 2.0))
def test_capacity_is_the_inverse_of_latency(model: ReplicaModel, target_s: float) -> None:
    rate = capacity_rate(model, target_s, 99.0)
    if rate == 0.0:
        assert model.latency_s(0.0, 99.0) >= target_s * (1 - 1e-9)
        return
    assert model.latency_s(rate, 99.0) <= target_s * (1 + 1e-9)
    assert model.latency_s(rate * 1.02 + 1e-6, 99.0) > target_s * 0.999


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(models, st.floats(0.005, 2.0), st.floats(1.05, 3.0))
def test_a_looser_target_never_carries_less(
    model: ReplicaModel, target_s: float, looser: float
) -> None:
    rate = capacity_rate(model, target_s, 99.0)
    assert capacity_rate(model, target_s * looser, 99.0) >= rate * 0.999


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(models, st.floats(0.005, 2.0), st.floats(0.1, 10.0))
def test_twice_as_slow_carries_half_within_twice_the_time(
    model: ReplicaModel, target_s: float, factor: float
) -> None:
    slower = ReplicaModel(
        model.curve.scaled(factor), model.instances, model.batch_cap, model.dispersion
    )
    rate = capacity_rate(model, target_s, 99.0)
    assert capacity_rate(slower, target_s * factor, 99.0) * factor == pytest.approx(rate, rel=0.02)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(models, st.floats(0.05, 0.9), st.floats(0.002, 1.0))
def test_the_late_share_is_the_complement_of_the_quantile(
    model: ReplicaModel, load: float, target_s: float
) -> None:
    rate = load * model.saturation_rate
    late = model.late_share(rate, target_s)
    assert 0.0 <= late <= 1.0
    if 1e-4 < late < 0.98:
        assert model.latency_s(rate, 100.0 * (1.0 - late)) == pytest.approx(target_s, rel=1e-3)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(curves, st.sampled_from([1, 3, 8, 16]), st.floats(0.005, 2.0))
def test_the_chosen_cap_carries_nearly_the_best(
    curve: ServiceCurve, most: int, target_s: float
) -> None:
    cap, rate = best_batch_cap(
        curve, instances=1, max_batch=most, target_s=target_s, percentile=99.0, live_cap=None
    )
    assert 1 <= cap <= most
    for other in {1, most}:
        alone = capacity_rate(ReplicaModel(curve, 1, other), target_s * 0.98, 99.0)
        assert rate >= 0.93 * alone


def test_a_cap_tells_what_it_carries_to_a_step_of_the_grid() -> None:
    for target_s in (0.035, 0.05, 0.1, 0.3):
        cap, rate = best_batch_cap(
            AFFINE, instances=1, max_batch=16, target_s=target_s, percentile=99.0, live_cap=None
        )
        exact = capacity_rate(ReplicaModel(AFFINE, 1, cap), target_s, 99.0)
        assert 0.94 * exact <= rate <= exact


def test_a_live_cap_stays_while_it_is_nearly_as_good() -> None:
    best, _ = best_batch_cap(
        AFFINE, instances=1, max_batch=16, target_s=0.1, percentile=99.0, live_cap=None
    )
    kept, _ = best_batch_cap(
        AFFINE, instances=1, max_batch=16, target_s=0.1, percentile=99.0, live_cap=best // 2
    )
    left, _ = best_batch_cap(
        AFFINE, instances=1, max_batch=16, target_s=0.1, percentile=99.0, live_cap=1
    )
    assert best > 2
    assert kept == best // 2
    assert left == best


def test_where_throughput_falls_with_the_batch_the_cap_is_one() -> None:
    cap, _ = best_batch_cap(
        FALLING_THROUGHPUT, instances=1, max_batch=8, target_s=0.1, percentile=99.0, live_cap=None
    )
    assert cap == 1


def test_bursts_cost_capacity() -> None:
    smooth, bursty = (
        best_batch_cap(
            AFFINE,
            instances=1,
            max_batch=8,
            target_s=0.1,
            percentile=99.0,
            live_cap=None,
            dispersion=dispersion,
        )[1]
        for dispersion in (1.0, 3.0)
    )
    assert 0.6 * smooth < bursty < 0.9 * smooth


def test_two_instances_carry_more_than_twice_what_one_does() -> None:
    one = capacity_rate(ReplicaModel(ONE, 1), 0.1, 99.0)
    two = capacity_rate(ReplicaModel(ONE, 2), 0.1, 99.0)
    assert 2.1 * one < two < 2.5 * one


def test_an_idle_replica_takes_the_time_of_one_request() -> None:
    assert ReplicaModel(AFFINE, batch_cap=8).latency_s(0.0, 99.0) == pytest.approx(0.010, rel=0.01)


def test_a_target_that_no_rate_meets_has_no_capacity_but_a_stable_load() -> None:
    model = ReplicaModel(ONE)
    assert capacity_rate(model, 0.009, 99.0) == 0.0
    assert 0.0 < unbounded_capacity_rate(model) < model.saturation_rate


@pytest.mark.parametrize(
    ("points", "batch", "expected"),
    [
        (((1, 0.010), (8, 0.031)), 1, 0.010),
        (((1, 0.010), (8, 0.031)), 4.5, 0.0205),
        (((1, 0.010), (8, 0.031)), 16, 0.055),
        (((2, 0.010), (4, 0.012), (8, 0.030)), 1, 0.010),
        (((2, 0.010), (4, 0.012), (8, 0.030)), 6, 0.021),
        (((4, 0.020),), 1, 0.020),
        (((4, 0.020),), 8, 0.040),
        (((1, 0.020), (8, 0.010)), 64, 0.010),
    ],
)
def test_the_shape_of_a_service_curve(
    points: tuple[tuple[int, float], ...], batch: float, expected: float
) -> None:
    curve = ServiceCurve(points)
    assert curve.seconds(batch) == pytest.approx(expected)
    assert curve.scaled(2.0).seconds(batch) == pytest.approx(2 * expected)


def test_near_saturation_nothing_is_promised() -> None:
    model = ReplicaModel(ONE)
    assert model.latency_s(94.0, 50.0) < math.inf
    assert model.latency_s(96.0, 50.0) == math.inf
    assert model.late_share(96.0, 1e9) == 1.0


@given(
    st.sampled_from([ONE, AFFINE, FLAT, KNEE]),
    st.floats(0.5, 3.0),
    st.floats(0.0, 0.94),
    st.floats(50.0, 99.9),
)
@settings(max_examples=30, deadline=None)
def test_times_that_are_all_longer_are_those_of_a_slower_curve(
    curve: ServiceCurve, scale: float, load: float, percentile: float
) -> None:
    model, slower = ReplicaModel(curve, 1, 8), ReplicaModel(curve.scaled(scale), 1, 8)
    rate = load * slower.saturation_rate
    expected = slower.latency_s(rate, percentile)
    assert model.latency_s(rate, percentile, scale) == pytest.approx(expected, rel=1e-6)
