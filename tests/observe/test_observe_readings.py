"""Readings as stories: what the fleet exported, and what may be concluded from it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.stories import (
    BUSY,
    FP32,
    IDLE,
    INT8,
    KEY,
    MODEL,
    NOW,
    SETTINGS,
    Rows,
    pod,
    spec,
    state,
)
from trimtab.api.resources import ObjectKey, TritonSettings
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale, is_blind
from trimtab.core.snapshot import ModelReadings, ModelState, Pod, Workload
from trimtab.observe.errors import PrometheusTimeout
from trimtab.observe.gateway import GatewayTable
from trimtab.observe.queries import Metric
from trimtab.observe.readings import readings_of

LATE = PrometheusTimeout("http://prometheus:9090", 5)


def value(reading: Reading) -> float:
    assert isinstance(reading, Known), reading
    return reading.value


def missing(reading: Reading) -> str:
    assert isinstance(reading, Missing), reading
    return reading.reason


def counters_of(readings: ModelReadings) -> list[Reading]:
    """Everything that is read from Triton's counters."""
    own = [readings.arrival_rate, readings.arrival_rate_fast, readings.pending]
    own += [readings.failure_rate, readings.latency_s, readings.hit_rate, readings.hit_rate_fast]
    for w in readings.workloads:
        own += [w.rate, w.batch_rate, w.service_time_s, w.batch_size, w.queue_time_s, w.latency_s]
    return own


def test_two_busy_pods() -> None:
    readings = Rows().add("a").add("b").read(state([pod("a"), pod("b")]))

    assert readings.arrival_rate == Known(2 * (50 + 1), NOW - 2)  # the backlog drains: no growth
    assert value(readings.arrival_rate_fast) == 2 * (60 + 0 + 2)
    assert value(readings.pending) == 8
    assert value(readings.failure_rate) == 2
    (own,) = readings.workloads
    assert value(own.rate) == 100
    assert value(own.batch_rate) == 40
    assert value(own.batch_size) == pytest.approx(2.5)
    assert value(own.queue_time_s) == pytest.approx(0.003)


def test_an_execution_is_timed_by_its_requests_not_by_executions() -> None:
    """Triton adds a batch's time once for each request of it: 400 ms/s over 20 executions/s
    is not 20 ms an execution, but 8 ms, seen by 50 requests/s."""
    (own,) = Rows().add("a").read(state([pod("a")])).workloads
    assert value(own.service_time_s) == pytest.approx(0.008)


def cached(**changes: float | None) -> Rows:
    """A pod that answers 100/s of four items each, half of them from its cache."""
    counted: dict[Metric, float | None] = {
        Metric.SUCCESS: 100.0,
        Metric.SUCCESS_FAST: 100.0,
        Metric.ITEMS: 200.0,
        Metric.HITS: 50.0,
        Metric.HITS_FAST: 10.0,
    }
    return Rows().add("a", but=counted | {Metric[name]: v for name, v in changes.items()})


def caching() -> ModelState:
    own = replace(spec(), triton=TritonSettings("triton", cache_bytes=2**26))
    return state([pod("a")], own)


def test_cached_answers_do_not_dilute_the_times() -> None:
    """100/s answered, 50 of them from the cache: what Triton timed belongs to the other 50. By the
    items alone, four a request, it would seem to be of all."""
    readings = cached().read(caching())
    (own,) = readings.workloads
    assert value(own.service_time_s) == pytest.approx(0.008)
    assert value(own.queue_time_s) == pytest.approx(0.003)
    assert value(readings.items_per_request) == 4
    assert value(own.hit_rate) == value(readings.hit_rate) == 50
    assert readings.hit_share == pytest.approx(50 / 101)


def test_where_hits_are_not_scraped_items_bound_what_executed() -> None:
    rows = Rows().add("a", but={Metric.SUCCESS: 100.0})
    (own,) = rows.read(state([pod("a")])).workloads
    assert value(own.service_time_s) == pytest.approx(0.008)


def test_no_cache_is_no_share_of_hits() -> None:
    readings = Rows().add("a").read(state([pod("a")]))
    assert missing(readings.hit_rate) == missing(readings.hit_rate_fast) == "NoCache"
    assert readings.hit_share is None
    assert readings.executing_rate == value(readings.arrival_rate)


def test_a_cache_that_nothing_hit_is_a_share_of_zero() -> None:
    assert cached(HITS=0.0).read(caching()).hit_share == 0.0


def test_a_pod_without_a_cache_adds_no_hits_to_those_of_one_with() -> None:
    """The middle of the rollout that brings the cache."""
    readings = cached().add("b").read(replace(caching(), workloads=two_pods()))
    assert value(readings.hit_rate) == 50
    assert value(readings.arrival_rate) == 101 + 51


def two_pods() -> tuple[Workload, ...]:
    return (Workload(FP32, 2, (pod("a"), pod("b"))),)


def test_hits_that_cannot_be_read_blind_and_are_not_none() -> None:
    """Taken for no hits, one query that timed out would have doubled the load."""
    lost = cached().fail(Metric.HITS, LATE).read(caching())
    assert missing(lost.arrival_rate) == "PrometheusTimeout"
    assert not is_blind(lost.arrival_rate_fast)
    lost = cached().fail(Metric.HITS_FAST, LATE).read(caching())
    assert missing(lost.arrival_rate_fast) == "PrometheusTimeout"
    without = Rows().add("a").fail(Metric.HITS, LATE).read(state([pod("a")]))
    assert not is_blind(without.arrival_rate)


def test_overload_counts_what_arrives_and_not_only_what_is_answered() -> None:
    rows = Rows().add("a", but={Metric.SUCCESS: 100.0, Metric.FAILURE: 5.0, Metric.GROWTH: 95.0})
    assert value(rows.read(state([pod("a")])).arrival_rate) == 200


def test_growth_is_that_of_the_model_not_of_its_worst_pod() -> None:
    """One pod fills while the other drains: nothing grew, and clamping each would invent load."""
    rows = Rows().add("a", but={Metric.GROWTH: 9.0}).add("b", but={Metric.GROWTH: -9.0})
    assert value(rows.read(state([pod("a"), pod("b")])).arrival_rate) == 102


def test_counters_that_stand_still_are_no_traffic() -> None:
    readings = Rows().add("a", IDLE).read(state([pod("a")]))
    still = NoTraffic(NOW - 2)
    assert readings.arrival_rate == readings.arrival_rate_fast == readings.failure_rate == still
    assert readings.latency_s == still
    (own,) = readings.workloads
    assert own.service_time_s == own.batch_size == own.queue_time_s == own.rate == still
    assert readings.pending == Known(0.0, NOW - 2)


def test_a_hung_backend_is_not_idle() -> None:
    """Nothing is answered and 30 requests wait: no NoTraffic, or the hung replica would go."""
    readings = Rows().add("a", IDLE, but={Metric.PENDING: 30.0}).read(state([pod("a")]))
    assert readings.arrival_rate == Known(0.0, NOW - 2)


def test_no_series_at_all_names_the_likely_mend() -> None:
    readings = Rows().read(state([pod("a"), pod("b")]))
    for reading in counters_of(readings):
        assert missing(reading) == "NoSeries"
    assert isinstance(readings.arrival_rate, Missing)
    assert "PodMonitor" in readings.arrival_rate.message


def test_series_of_another_model_name_say_so() -> None:
    reading = Rows().add("a", model="resnet").read(state([pod("a")])).arrival_rate
    assert isinstance(reading, Missing)
    assert "resnet" in reading.message
    assert MODEL in reading.message


def test_series_without_a_pod_label_say_so() -> None:
    rows = Rows().put(Metric.NEWEST, {"namespace": "shop", "model": MODEL}, NOW)
    reading = rows.read(state([pod("a")])).arrival_rate
    assert isinstance(reading, Missing)
    assert "'pod'" in reading.message


def test_a_blind_sum_is_no_reading() -> None:
    """Of two old pods one fell out of the scrape: 51/s would halve the fleet at full load."""
    readings = Rows().add("a").read(state([pod("a"), pod("blind")]))
    assert missing(readings.arrival_rate) == "PodWithoutSeries"
    assert isinstance(readings.arrival_rate, Missing)
    assert "blind" in readings.arrival_rate.message


def test_a_pod_whose_samples_stopped_is_as_blind_as_one_without() -> None:
    rows = Rows().add("a").add("b", but={Metric.NEWEST: NOW - 31})
    assert missing(rows.read(state([pod("a"), pod("b")])).arrival_rate) == "PodWithoutSeries"


@pytest.mark.parametrize(("ready_for_s", "blind"), [(5, False), (119, False), (120, True)])
def test_a_young_pod_may_be_without_series(ready_for_s: float, blind: bool) -> None:
    reading = Rows().add("a").read(state([pod("a"), pod("young", ready_for_s)])).arrival_rate
    assert is_blind(reading) is blind
    assert blind or value(reading) == 51


def test_only_young_pods_and_no_series_is_warming_not_an_error() -> None:
    readings = Rows().read(state([pod("a", 3)]))
    assert {missing(r) for r in counters_of(readings)} == {"Warming"}


def test_a_young_pod_scraped_once_has_no_rate_yet() -> None:
    rows = Rows().add("a", {Metric.NEWEST: NOW - 1})
    assert missing(rows.read(state([pod("a", 3)])).arrival_rate) == "Warming"


def test_pods_on_their_way_up_or_out_are_not_required() -> None:
    pods = [pod("a"), pod("starting", None), pod("leaving", terminating=True)]
    assert value(Rows().add("a").read(state(pods)).arrival_rate) == 51


def test_a_leaving_pod_still_counts_what_it_answers() -> None:
    rows = Rows().add("a").add("leaving")
    assert value(rows.read(state([pod("a"), pod("leaving", terminating=True)])).arrival_rate) == 102


def test_vanished_pods_do_not_count() -> None:
    rows = Rows().add("a").add("gone").add("a", namespace="elsewhere")
    assert value(rows.read(state([pod("a")])).arrival_rate) == 51


@pytest.mark.parametrize("pods", [[], [pod("a", None)], [pod("a", terminating=True)]])
def test_without_ready_pods_nothing_is_measured(pods: list[Pod]) -> None:
    readings = Rows().add("a").read(state(pods))
    assert {missing(r) for r in counters_of(readings)} == {"NoReadyPods"}


def test_the_story_of_prometheus_going_away_and_back() -> None:
    """Fresh, then older and older while the rates still answer, then nothing, then fresh."""
    fleet, rows = state([pod("a")]), Rows().add("a")
    assert value(rows.read(fleet, now_s=NOW + 28).arrival_rate) == 51
    for reading in counters_of(rows.read(fleet, now_s=NOW + 29)):
        assert reading == Stale(31)
    assert missing(Rows().read(fleet, now_s=NOW + 400).arrival_rate) == "NoSeries"
    back = Rows().add("a", but={Metric.NEWEST: NOW + 499})
    assert value(back.read(fleet, now_s=NOW + 500).arrival_rate) == 51


def test_a_window_that_holds_no_two_scrapes_says_so() -> None:
    readings = Rows().add("a", but={Metric.SUCCESS_FAST: None}).read(state([pod("a")]))
    assert missing(readings.arrival_rate_fast) == "WindowTooShort"
    assert value(readings.arrival_rate) == 51


@pytest.mark.parametrize("metric", list(Metric))
def test_a_failed_query_blinds_what_needs_it_and_nothing_else(metric: Metric) -> None:
    healthy = Rows().add("a", quantiles_s={0.99: 0.02})
    before = counters_of(healthy.read(state([pod("a")])))
    after = counters_of(healthy.fail(metric, LATE).read(state([pod("a")])))
    changed = [(b, a) for b, a in zip(before, after, strict=True) if a != b]
    assert changed
    for _, reading in changed:
        assert missing(reading) in ("PrometheusTimeout", "EstimatedByModel")


def test_nan_is_absence() -> None:
    rows = Rows().add("a", but={Metric.SUCCESS: math.nan})
    assert is_blind(rows.read(state([pod("a")])).arrival_rate)


def test_a_triton_without_the_backlog_gauge_is_read_by_its_completions() -> None:
    gone = dict.fromkeys((Metric.PENDING, Metric.GROWTH, Metric.GROWTH_FAST))
    readings = Rows().add("a", but=gone).read(state([pod("a")]))
    assert value(readings.arrival_rate) == 51
    assert missing(readings.pending) == "PodWithoutSeries"


def test_a_triton_that_never_failed_may_lack_the_failure_counter() -> None:
    rows = Rows().add("a", but={Metric.FAILURE: None, Metric.FAILURE_FAST: None})
    assert value(rows.read(state([pod("a")])).failure_rate) == 0


def test_workloads_are_told_apart() -> None:
    workloads = (Workload(FP32, 1, (pod("a"),)), Workload(INT8, 1, (pod("b"),)))
    fleet = replace(state([]), workloads=workloads)
    rows = Rows().add("a").add("b", but={Metric.COMPUTE_US: 50 * 2_000.0})
    readings = rows.read(fleet)
    assert value(readings.arrival_rate) == 102
    assert value(readings.workload(FP32).service_time_s) == pytest.approx(0.008)
    assert value(readings.workload(INT8).service_time_s) == pytest.approx(0.002)


def test_one_blind_model_disturbs_no_other() -> None:
    other = ObjectKey("shop", "other")
    fleet = [state([pod("a")]), state([pod("b")], spec(key=other))]
    found = readings_of(Rows().add("a").table, GatewayTable(SETTINGS), {}, fleet, NOW)
    assert value(found[KEY].arrival_rate) == 51
    assert missing(found[other].arrival_rate) == "NoSeries"


NAMES = st.sampled_from(["a", "b", "c", "d"])
PODS = st.dictionaries(
    NAMES, st.tuples(st.none() | st.floats(0, 1000), st.booleans()), max_size=4
).map(lambda d: [pod(n, ready, leaving) for n, (ready, leaving) in d.items()])
SERIES = st.dictionaries(
    NAMES,
    st.dictionaries(
        st.sampled_from([m for m in Metric if m is not Metric.SUMMARY_US]),
        st.floats(0, 1000) | st.just(math.nan),
    ),
    max_size=4,
)


def rows_of(series: dict[str, dict[Metric, float]]) -> Rows:
    rows = Rows()
    for name, values in series.items():
        # NEWEST is an age in the strategy, so that fresh and stale both occur.
        age = values.get(Metric.NEWEST)
        rows.add(name, values, but={} if age is None else {Metric.NEWEST: NOW - age / 20})
    return rows


@given(PODS, SERIES)
def test_nothing_is_known_of_pods_without_series(
    pods: list[Pod], series: dict[str, dict[Metric, float]]
) -> None:
    foreign = {n: v for n, v in series.items() if n not in {p.name for p in pods}}
    for reading in counters_of(rows_of(foreign).read(state(pods))):
        assert isinstance(reading, Missing)


@given(PODS, SERIES)
def test_series_of_vanished_pods_change_nothing(
    pods: list[Pod], series: dict[str, dict[Metric, float]]
) -> None:
    rows = rows_of(series)
    before = rows.read(state(pods))
    assert rows.add("vanished", quantiles_s={0.99: 9.0}).read(state(pods)) == before


@given(PODS, SERIES)
def test_a_known_sum_misses_no_old_ready_pod(
    pods: list[Pod], series: dict[str, dict[Metric, float]]
) -> None:
    reading = rows_of(series).read(state(pods)).arrival_rate
    old = [p.name for p in pods if _is_old(p)]
    if not is_blind(reading):
        assert all(Metric.SUCCESS in series.get(name, {}) for name in old)


def _is_old(p: Pod) -> bool:
    return p.ready_s is not None and not p.terminating and NOW - p.ready_s >= SETTINGS.warming_s


def test_the_story_of_a_scale_up() -> None:
    """One pod overloaded; a second starts, warms and takes half: the sum never dips to a half."""
    first = pod("a")
    alone = Rows().add("a", BUSY, but={Metric.GROWTH: 50.0})
    assert value(alone.read(state([first])).arrival_rate) == 101
    assert value(alone.read(state([first, pod("b", None)])).arrival_rate) == 101
    assert value(alone.read(state([first, pod("b", 2)])).arrival_rate) == 101
    both = Rows().add("a").add("b")
    assert value(both.read(state([first, pod("b", 60)])).arrival_rate) == 102


@pytest.mark.parametrize("odd", [1e308, -1.0])
def test_a_rate_that_no_counter_has_is_no_reading(odd: float) -> None:
    """Two of 1e308 have no sum that a float holds: the OverflowError ended the reading of every
    model. And a fleet that is asked for less than nothing would shrink."""
    rows = Rows().add("a", but={Metric.SUCCESS: odd}).add("b", but={Metric.SUCCESS: odd})
    readings = rows.read(state([pod("a"), pod("b")]))
    assert missing(readings.arrival_rate) == "WindowTooShort"


def test_a_backlog_may_shrink() -> None:
    rows = Rows().add("a", but={Metric.GROWTH: -40.0})
    assert value(rows.read(state([pod("a")])).arrival_rate) == 51


def test_a_mean_beyond_all_measure_is_none() -> None:
    rows = Rows().add("a", but={Metric.QUEUE_US: 1e15, Metric.ITEMS: 5e-324})
    (own,) = rows.read(state([pod("a")])).workloads
    assert missing(own.queue_time_s) == "NotANumber"
