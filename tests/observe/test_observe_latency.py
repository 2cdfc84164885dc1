"""The SLO's percentile by source: summaries, counters, the user's own query."""

from __future__ import annotations

import math

import pytest

from tests.observe.stories import IDLE, NOW, Rows, pod, spec, state
from trimtab.api.resources import LatencySourceType as Source
from trimtab.core.signals import Known, Missing, NoTraffic, Reading
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusQueryError
from trimtab.observe.latency import ESTIMATED, NO_SUMMARY, UserOutcome, pick_quantile
from trimtab.observe.prometheus import Answer, Sample
from trimtab.observe.queries import Metric

TRITONS = (0.5, 0.9, 0.95, 0.99, 0.999)
NAN = Sample({}, math.nan, NOW)
FAST = dict.fromkeys(TRITONS, 0.010)
SLOW = dict.fromkeys(TRITONS, 0.200)
OVER = dict.fromkeys(TRITONS, math.nan)


def fleet(source: Source = Source.AUTO, percentile: float = 99, **pods: float) -> ModelState:
    query = "up" if source is Source.PROM_QL else None
    return state(
        [pod(name, ready) for name, ready in (pods or {"a": 999.0, "b": 999.0}).items()],
        spec(source, percentile, query),
    )


def test_the_maximum_over_pods_and_never_a_mean() -> None:
    readings = Rows().add("a", quantiles_s=FAST).add("b", quantiles_s=SLOW).read(fleet())
    assert readings.latency_s == Known(0.2, NOW - 2)
    assert (readings.latency_source, readings.latency_estimated) == ("TritonSummary", False)


def test_the_frozen_summary_of_an_idle_pod_does_not_count() -> None:
    rows = Rows().add("a", quantiles_s=FAST).add("b", IDLE, quantiles_s=SLOW)
    assert rows.read(fleet()).latency_s == Known(0.01, NOW - 2)


def test_an_idle_fleet_has_no_latency_and_that_is_known() -> None:
    rows = Rows().add("a", IDLE).add("b", IDLE, quantiles_s=SLOW)
    for source in (Source.AUTO, Source.TRITON_SUMMARY, Source.TRITON_COUNTERS):
        assert rows.read(fleet(source)).latency_s == NoTraffic(NOW - 2)


def test_a_summary_whose_window_is_over_is_no_reason_to_guess() -> None:
    """The rates' window still holds the last requests: a p99 out of the means of those few broke
    the promise of every model whose load had just ended."""
    over = Rows().add("a", quantiles_s=OVER).add("b", quantiles_s=OVER).read(fleet())
    assert (over.latency_s, over.latency_source) == (NoTraffic(NOW - 2), "TritonSummary")
    one_left = Rows().add("a", quantiles_s=OVER).add("b", quantiles_s=FAST).read(fleet())
    assert one_left.latency_s == Known(0.01, NOW - 2)


def test_auto_takes_counters_where_there_is_no_summary() -> None:
    readings = Rows().add("a").add("b").read(fleet())
    assert readings.latency_s == ESTIMATED
    assert (readings.latency_source, readings.latency_estimated) == ("TritonCounters", True)


def test_auto_takes_counters_where_a_serving_pod_has_no_summary() -> None:
    """Half of a fleet rolled to summaries: the other half may be the slow one."""
    rows = Rows().add("a", quantiles_s=FAST).add("b")
    assert rows.read(fleet()).latency_source == "TritonCounters"
    reading = rows.read(fleet(Source.TRITON_SUMMARY)).latency_s
    assert isinstance(reading, Missing)
    assert reading.reason == "PodWithoutSummary"


def test_a_young_pod_may_be_without_summary() -> None:
    rows = Rows().add("a", quantiles_s=FAST).add("b")
    assert rows.read(fleet(a=999.0, b=5.0)).latency_s == Known(0.01, NOW - 2)


def test_the_summary_that_was_asked_for_and_is_off() -> None:
    readings = Rows().add("a").add("b").read(fleet(Source.TRITON_SUMMARY))
    assert readings.latency_s == NO_SUMMARY
    assert readings.latency_source == "TritonSummary"


def test_counters_are_labelled_as_an_estimate_even_where_summaries_exist() -> None:
    rows = Rows().add("a", quantiles_s=FAST).add("b", quantiles_s=FAST)
    readings = rows.read(fleet(Source.TRITON_COUNTERS))
    assert (readings.latency_s, readings.latency_estimated) == (ESTIMATED, True)


@pytest.mark.parametrize(
    ("percentile", "picked"),
    [(50, 0.5), (51, 0.9), (95, 0.95), (97, 0.99), (99, 0.99), (99.9, 0.999), (99.95, 0.999)],
)
def test_the_smallest_quantile_that_covers_the_percentile(percentile: float, picked: float) -> None:
    assert pick_quantile(TRITONS, percentile) == picked


@pytest.mark.parametrize(
    ("percentile", "source", "estimated"),
    [
        (99, "TritonSummary", False),
        (97, "TritonSummary (p99 stands for p97)", False),
        (99.95, "TritonSummary (p99.9, the highest exported, reads low for p99.95)", True),
    ],
)
def test_the_source_says_which_quantile_was_read(
    percentile: float, source: str, estimated: bool
) -> None:
    rows = Rows().add("a", quantiles_s=FAST).add("b", quantiles_s=FAST)
    readings = rows.read(fleet(percentile=percentile))
    assert (readings.latency_source, readings.latency_estimated) == (source, estimated)


def one(*values: float) -> Answer:
    return Answer(tuple(Sample({}, v, NOW) for v in values))


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        (one(0.042), Known(0.042, NOW)),
        (one(), "EmptyResult"),
        (Answer((), no_numbers=(NAN,)), "NotANumber"),
        (one(0.1, 0.2, 0.3), "AmbiguousResult"),
        (one(-1.0), "NegativeLatency"),
        (None, "NotRead"),
        (PrometheusQueryError("http://p", "bad_data", "parse error"), "PrometheusQueryError"),
    ],
)
def test_the_users_own_query(user: UserOutcome, wanted: str | Reading) -> None:
    readings = Rows().add("a").add("b").read(fleet(Source.PROM_QL), user)
    found = readings.latency_s
    assert (found.reason if isinstance(found, Missing) else found) == wanted
    assert readings.latency_source == "PromQL"
    assert isinstance(readings.arrival_rate, Known)


def test_an_ambiguous_query_says_how_many_series_it_returned() -> None:
    found = Rows().add("a").add("b").read(fleet(Source.PROM_QL), one(0.1, 0.2)).latency_s
    assert isinstance(found, Missing)
    assert "2 series" in found.message


@pytest.mark.parametrize("user", [one(), Answer((), no_numbers=(NAN,))])
def test_no_result_of_an_idle_model_is_no_traffic(user: UserOutcome) -> None:
    """histogram_quantile() of nothing is NaN; blindness here would keep its GPUs for ever."""
    rows = Rows().add("a", IDLE).add("b", IDLE)
    assert rows.read(fleet(Source.PROM_QL), user).latency_s == NoTraffic(NOW - 2)


def test_the_users_query_sees_what_tritons_counters_do_not() -> None:
    readings = Rows().read(fleet(Source.PROM_QL), one(0.042))
    assert readings.latency_s == Known(0.042, NOW)
    assert isinstance(readings.arrival_rate, Missing)


def test_a_quantile_label_that_is_no_number_is_passed_over() -> None:
    labels = {"namespace": "shop", "pod": "a", "model": "image_classifier", "quantile": "high"}
    rows = Rows().add("a", quantiles_s=FAST).add("b", quantiles_s=FAST)
    assert rows.put(Metric.SUMMARY_US, labels, 1e9).read(fleet()).latency_s == Known(0.01, NOW - 2)


def test_without_ready_pods_the_users_query_is_not_believed() -> None:
    """It would tell of the pods of a minute ago, or of another fleet."""
    own = state([pod("a", None)], spec(Source.PROM_QL, query="up"))
    found = Rows().read(own, one(0.042)).latency_s
    assert isinstance(found, Missing)
    assert found.reason == "NoReadyPods"
