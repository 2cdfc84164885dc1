"""The event loop against a slow and plain one, and against what theory knows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.simulate.batcher import serve
from tests.simulate.pods import mean_wait_s, offer, player, poisson, summary
from trimtab.simulate.bins import quantile_s
from trimtab.simulate.state import COMPUTE_S, PENDING, QUEUE_S, REQUEST_S, SUCCESS
from trimtab.simulate.truth import Distribution

GAPS_S = st.lists(st.floats(0.0001, 0.05), min_size=1, max_size=60)


@given(
    gaps_s=GAPS_S,
    cuts=st.lists(st.floats(0.0, 1.0), max_size=6),
    instances=st.integers(1, 3),
    cap=st.integers(1, 6),
    delay_s=st.sampled_from([0.0, 0.00437, 0.0191]),
    max_queue=st.sampled_from([0, 1, 4]),
    timeout_s=st.sampled_from([math.inf, 0.0, 0.0173, 0.0411]),
)
@example(
    # An overload that lasts: only there is anybody late who could have been in time.
    gaps_s=[0.005] * 60,
    cuts=[0.3, 0.7],
    instances=1,
    cap=1,
    delay_s=0.0,
    max_queue=0,
    timeout_s=0.0173,
)
@settings(max_examples=200, deadline=None)
def test_every_pod_batches_as_triton_does_however_time_is_cut(
    gaps_s: list[float],
    cuts: list[float],
    instances: int,
    cap: int,
    delay_s: float,
    max_queue: int,
    timeout_s: float,
) -> None:
    arrivals_s = np.cumsum(gaps_s)
    points = ((1, 0.0123457), (6, 0.0345679))
    target_s = 0.0317171
    pods = player(*points, instances=instances, max_batch=6, max_queue=max_queue, target_s=target_s)
    row = pods.add(0, cap, delay_s, timeout_s=timeout_s)
    begun = 0
    for end_s in [*sorted(c * float(arrivals_s[-1]) for c in cuts), float(arrivals_s[-1]) + 60.0]:
        upto = int(np.searchsorted(arrivals_s, end_s))
        offer(pods, arrivals_s[begun:upto], row, end_s)
        begun = upto

    slope_s = (points[1][1] - points[0][1]) / 5
    expected = serve(
        arrivals_s.tolist(),
        lambda batch: points[0][1] + slope_s * (batch - 1),
        instances=instances,
        cap=cap,
        delay_s=delay_s,
        max_queue=max_queue,
        timeout_s=timeout_s,
    )
    assert summary(pods) == pytest.approx(
        (
            len(expected.latencies_s),
            expected.rejected,
            len(expected.batches),
            sum(expected.latencies_s),
            sum(expected.waits_s),
        ),
        abs=1e-9,
    )
    assert pods.totals()[COMPUTE_S] == pytest.approx(expected.compute_s)
    # Sums are the same in any order; who was in time is not.
    pods.finish(pods.now_s)
    within = sum(m.within for m in pods.book.closed)
    assert within == sum(s <= target_s for s in expected.latencies_s)


def test_a_lone_request_takes_its_service_time() -> None:
    pods = player((1, 0.020), target_s=0.02)
    offer(pods, [1.0], pods.add(0, 1, 0.0), 60.0)
    pods.finish(60.0)
    (minute,) = pods.book.closed
    assert (minute.requests, minute.answered, minute.dropped) == (1, 1, 0)
    assert minute.p99_s == pytest.approx(0.020, rel=0.006)


def test_the_mean_wait_of_poisson_arrivals_is_pollaczek_and_khinchines() -> None:
    service_s, rate = 0.010, 70.0
    pods = player((1, service_s))
    offer(pods, poisson(rate, 3000.0), pods.add(0, 1, 0.0), 3000.0)
    load = rate * service_s
    assert mean_wait_s(pods) == pytest.approx(load * service_s / (2 * (1 - load)), rel=0.03)


def test_the_requests_in_the_pod_obey_littles_law() -> None:
    pods = player((1, 0.010))
    offer(pods, poisson(80.0, 1000.0), pods.add(0, 1, 0.0), 1000.0)
    totals = pods.totals()
    answered_rate = totals[SUCCESS] / 1000.0
    _, _, _, latency_s, _ = summary(pods)
    assert totals[REQUEST_S] / 1000.0 == pytest.approx(
        answered_rate * latency_s / totals[SUCCESS], rel=0.001
    )


def test_random_times_have_their_mean_and_grow_with_the_batch() -> None:
    drawn = Distribution(shift_s=0.005, median_s=0.010, sigma=0.4)
    pods = player((1, 0.015), (2, 0.030), distribution=drawn)
    row = pods.add(0, 1, 0.0)
    offer(pods, [0.5 * i for i in range(20_000)], row, 10_000.0)
    mean_s = 0.005 + 0.010 * math.exp(0.4**2 / 2)
    assert pods.totals()[COMPUTE_S] / 20_000 == pytest.approx(mean_s, rel=0.01)

    pairs = player((1, 0.015), (2, 0.030), distribution=drawn)
    both = [0.5 * i + more for i in range(20_000) for more in (0.0, 1e-9)]
    offer(pairs, both, pairs.add(0, 2, 0.001), 10_000.0)
    assert pairs.totals()[COMPUTE_S] / 40_000 == pytest.approx(2 * mean_s, rel=0.01)


def test_the_front_end_keeps_the_pod_busy_and_out_of_tritons_counters() -> None:
    pods = player((1, 0.010), front_end_s=0.005)
    offer(pods, [0.0, 0.001], pods.add(0, 1, 0.0), 10.0)
    answered, _, _, latency_s, wait_s = summary(pods)
    assert answered == 2
    assert wait_s == pytest.approx(0.014)
    assert latency_s == pytest.approx(0.015 + 0.029)
    assert pods.totals()[COMPUTE_S] == pytest.approx(0.020)


def test_a_pod_stands_still_once_it_has_used_up_its_part_of_a_period() -> None:
    """A quarter of a core: 25 ms in each 100 ms. 40 ms of work: 25, a pause of 75, and 15."""
    pods = player((1, 0.040), cpu_limit=0.25)
    row = pods.add(0, 1, 0.0)
    offer(pods, [0.0, 0.3, 0.305], row, 10.0)
    totals = pods.totals()
    # The third waits for the second, which ends at 0.415 with 15 ms of that period used up: its
    # 40 ms are the other 10, a pause until 0.5, 25, and another until 0.6 for the last 5.
    assert totals[COMPUTE_S] == pytest.approx(0.115 + 0.115 + (0.605 - 0.415))
    assert totals[QUEUE_S] == pytest.approx(0.415 - 0.305)


def test_executions_look_short_until_a_flood_shows_what_the_limit_allows() -> None:
    """2 ms of work on a quarter of a core: alone 2 ms, in a flood 125 a second."""

    def played(rate: float) -> tuple[float, float]:
        pods = player((1, 0.002), cpu_limit=0.25)
        row = pods.add(0, 1, 0.0)
        offer(pods, poisson(rate, 20.0), row, 20.0)
        totals = pods.totals()
        return float(totals[SUCCESS]) / 20.0, float(totals[COMPUTE_S] / totals[SUCCESS])

    calm, flooded = played(20.0), played(300.0)
    assert calm[1] == pytest.approx(0.002, rel=0.05)
    assert flooded == pytest.approx((125.0, 1.0 / 125.0), rel=0.01)


def test_what_waits_and_what_runs_is_seen_before_it_is_answered() -> None:
    pods = player((1, 1.0))
    row = pods.add(0, 1, 0.0)
    offer(pods, [0.0, 0.5, 0.6], row, 0.8)
    totals = pods.totals()
    assert (totals[SUCCESS], totals[PENDING]) == (0, 2)
    assert totals[REQUEST_S] == pytest.approx(0.8 + 0.3 + 0.2)


def test_requests_that_find_no_pod_are_dropped_and_make_the_p99_infinite() -> None:
    pods = player((1, 0.010))
    pods.play(60.0, np.arange(100.0) / 2, np.full(100, -1))
    pods.finish(60.0)
    (minute,) = pods.book.closed
    assert (minute.requests, minute.dropped, minute.p99_s, minute.slo_share) == (100, 100, None, 0)


def test_a_minute_stays_open_until_its_last_request_is_answered() -> None:
    pods = player((1, 100.0))
    row = pods.add(0, 1, 0.0)
    for end_s in range(10, 1000, 10):
        offer(pods, [end_s - 10.0] if end_s <= 100 else [], row, float(end_s))
    pods.finish(990.0)
    first, second = pods.book.closed[:2]
    assert (first.requests, first.answered, second.requests) == (6, 6, 4)
    assert first.p99_s == pytest.approx(550.0, rel=0.006)
    assert second.p99_s == pytest.approx(910.0, rel=0.006)


def test_rows_are_made_as_they_are_needed_and_keep_what_they_hold() -> None:
    pods = player((1, 1.0))
    rows = [pods.add(0, 1, 0.0) for _ in range(5)]
    offer(pods, [0.0, 0.1, 0.2], rows[0], 0.5)
    rows += [pods.add(0, 1, 0.0) for _ in range(20)]
    assert len(set(rows)) == 25
    offer(pods, [0.6], rows[20], 10.0)
    assert summary(pods)[0] == 4


@given(values=st.lists(st.floats(1e-4, 100.0), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_a_quantile_is_within_its_bin_of_the_true_one(values: list[float]) -> None:
    from trimtab.simulate.bins import BINS, bin_of

    counts = np.bincount([bin_of(v) for v in values], minlength=BINS)
    true_s = sorted(values)[math.ceil(0.99 * len(values) - 1e-9) - 1]
    assert quantile_s(counts, 0.99) == pytest.approx(true_s, rel=0.0051)
