"""What Envoy's buckets hold, and what can be said of a percentile between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.observe.histogram import (
    Histogram,
    MixedBuckets,
    end_ms,
    histogram_of,
    le_ms_of,
)

BOUNDS_MS = st.lists(st.integers(0, 60_000), min_size=1, max_size=25, unique=True)
COUNTS = st.integers(0, 10**7)
PERCENTILES = st.sampled_from([50.0, 90.0, 95.0, 99.0, 99.9])


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    """Any counts in any buckets, one request at least."""
    counts: dict[float, float] = {}
    below = 0
    for le in sorted(draw(BOUNDS_MS)):
        below += draw(COUNTS)
        counts[float(le)] = float(below)
    counts[math.inf] = float(max(1, below + draw(COUNTS)))
    found = histogram_of(counts)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("le", "end"),
    [(0.5, 1), (1, 2), (10, 11), (99, 100), (100, 110), (149, 150), (150, 160), (1000, 1100)],
)
def test_a_bucket_ends_a_step_past_its_label(le: float, end: float) -> None:
    """As counted by Envoy 1.40: 103 ms in le="100", 153 ms in le="150", 122 ms in le="120"."""
    assert end_ms(le) == end


@pytest.mark.parametrize(
    ("target_s", "le"),
    [(0.05, 49), (0.15, 149), (2.5, 2499), (0.001, 0), (0.125, None), (0.0125, None), (1.01, None)],
)
def test_the_bucket_to_give_a_target(target_s: float, le: int | None) -> None:
    assert le_ms_of(target_s) == le


@given(histograms(), PERCENTILES)
def test_a_percentile_is_inside_the_bucket_that_holds_it(
    histogram: Histogram, percentile: float
) -> None:
    found = histogram.percentile(percentile)
    assert found.low_s < found.value_s <= found.high_s
    at = histogram.bounds_s.index(found.high_s)
    assert found.low_s == (histogram.bounds_s[at - 1] if at else 0.0)
    rank = histogram.total * percentile / 100.0
    assert histogram.counts[at] >= rank * (1 - 1e-6)
    assert at == 0 or histogram.counts[at - 1] < rank


@given(histograms(), PERCENTILES)
def test_a_bound_is_met_if_and_only_if_so_many_were_faster(
    histogram: Histogram, percentile: float
) -> None:
    value_s = histogram.percentile(percentile).value_s
    for bound_s, count in zip(histogram.bounds_s[:-1], histogram.counts, strict=False):
        late = histogram.late_share(bound_s)
        assert late is not None
        assert late == pytest.approx(1.0 - count / histogram.total)
        assert (value_s <= bound_s) == (late <= 1.0 - percentile / 100.0 + 1e-9)


def test_990_of_1000_are_the_p99() -> None:
    just = histogram_of({49.0: 990.0, 99.0: 1000.0, math.inf: 1000.0})
    short = histogram_of({49.0: 989.0, 99.0: 1000.0, math.inf: 1000.0})
    assert just is not None
    assert short is not None
    assert just.percentile(99).value_s == 0.05
    assert short.percentile(99).value_s > 0.05
    assert short.late_share(0.05) == pytest.approx(0.011)


def test_what_rounding_took_from_a_count_breaks_no_promise() -> None:
    found = histogram_of({25.0: 500.0, 49.0: 990.0 - 1e-7, 99.0: 1000.0, math.inf: 1000.0})
    assert found is not None
    assert found.percentile(99).value_s == 0.05


def test_nobody_counted_where_no_bucket_ends() -> None:
    found = histogram_of({49.0: 990.0, 100.0: 1000.0, math.inf: 1000.0})
    assert found is not None
    assert found.late_share(0.1) is None  # le="100" counts up to 110 ms
    assert found.late_share(0.11) == 0.0


def test_past_the_highest_bucket_only_that_it_is_past_it() -> None:
    found = histogram_of({49.0: 10.0, math.inf: 100.0})
    assert found is not None
    told = found.percentile(99)
    assert (told.low_s, told.high_s) == (0.05, math.inf)
    assert 0.05 < told.value_s < 0.050001


@pytest.mark.parametrize("buckets", [{}, {49.0: 0.0}, {49.0: 0.0, math.inf: 0.0}])
def test_no_requests_are_no_histogram(buckets: dict[float, float]) -> None:
    assert histogram_of(buckets) is None


def test_buckets_that_only_some_pods_have() -> None:
    """Two pods, and the new bucket of 49 ms on one of them: its count is not of all requests."""
    with pytest.raises(MixedBuckets):
        histogram_of({25.0: 180.0, 49.0: 95.0, 100.0: 200.0, math.inf: 200.0})


def test_what_prometheus_rounded_is_no_fall() -> None:
    found = histogram_of({25.0: 100.0 / 3 * 3, 49.0: 99.99999999999999, math.inf: 100.0})
    assert found is not None
    assert found.percentile(50).high_s == 0.026
