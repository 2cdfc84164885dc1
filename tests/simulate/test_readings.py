"""Readings mean what they mean in a cluster: rates over windows, live pods only, unknown is not
zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.core.builders import INT8
from tests.simulate.rules import KEY, MODEL, Scripted, play, replicas, steady
from trimtab.api.resources import LatencySource, LatencySourceType
from trimtab.core.signals import Known, Missing, NoTraffic, Stale, value_or_none
from trimtab.core.snapshot import ModelReadings
from trimtab.simulate.policy import Metrics, Seen, Targets
from trimtab.simulate.trace import Trace


def readings(rule: Scripted, at_s: float) -> ModelReadings:
    """What the rule read at that second."""
    return next(s.snapshot.models[0].readings for t, s in rule.seen if t == at_s)


Answers = tuple[float | None, ...]


class Asking(Scripted):
    """Asks for metrics at every tick, while their windows are those of that tick."""

    def __init__(self, count: int, ask: Callable[[Metrics], Answers]) -> None:
        super().__init__(replicas((0.0, count)))
        self._ask = ask
        self.answers: dict[float, Answers] = {}

    def tick(self, seen: Seen, now_s: float) -> Targets:
        self.answers[now_s] = self._ask(seen.metrics)
        return super().tick(seen, now_s)


def test_the_first_readings_are_the_first_minutes_rate() -> None:
    rule = Scripted(replicas((0.0, 1)))
    play(rule, Trace(np.array([0.0, 60.0, 120.0]), np.array([600, 6000])))
    first = readings(rule, 0.0)
    assert first.arrival_rate == first.arrival_rate_fast == Known(10.0, 0.0)
    assert rule.seen[0][1].snapshot.models[0].workloads == ()


def test_a_steady_load_reads_as_it_is() -> None:
    """60 requests/s on two pods that take 10 ms each, one at a time."""
    rule = Scripted(replicas((0.0, 2)))
    play(rule, steady(60, 300))
    read = readings(rule, 240.0)
    assert value_or_none(read.arrival_rate) == pytest.approx(60.0, rel=0.02)
    assert value_or_none(read.arrival_rate_fast) == pytest.approx(60.0, rel=0.05)
    assert isinstance(read.arrival_rate, Known)
    assert read.arrival_rate.at_s == 237.5
    workload = read.workload(INT8)
    assert value_or_none(workload.rate) == pytest.approx(60.0, rel=0.02)
    assert value_or_none(workload.batch_rate) == pytest.approx(60.0, rel=0.02)
    assert value_or_none(workload.service_time_s) == pytest.approx(0.010)
    assert value_or_none(workload.batch_size) == pytest.approx(1.0)
    assert value_or_none(workload.queue_time_s) == pytest.approx(0.0022, rel=0.4)
    assert value_or_none(read.items_per_request) == 1.0
    assert isinstance(read.failure_rate, Known | NoTraffic)


def test_the_latency_is_the_slowest_pods_p99_of_the_last_minute() -> None:
    rule = Scripted(replicas((0.0, 2)))
    report = play(rule, steady(120, 300))
    read = readings(rule, 240.0)
    assert (read.latency_source, read.latency_estimated) == ("TritonSummary", False)
    p99_s = report.models[0].minutes[3].p99_s
    assert p99_s is not None
    assert p99_s * 0.9 < (value_or_none(read.latency_s) or 0.0) < p99_s * 1.6


def test_an_overload_shows_as_arrivals_and_as_a_backlog() -> None:
    """150/s offered to a pod that answers 100/s: the answers alone would say 100/s."""
    rule = Scripted(replicas((0.0, 1)))
    play(rule, steady(150, 120))
    read = readings(rule, 100.0)
    assert value_or_none(read.workload(INT8).rate) == pytest.approx(100.0, rel=0.03)
    assert value_or_none(read.arrival_rate) == pytest.approx(150.0, rel=0.03)
    assert value_or_none(read.pending) == pytest.approx(97.5 * 50, rel=0.03)


def test_a_flood_is_told_by_the_pods_that_have_it() -> None:
    """150/s to a pod of 100/s; the second, from second 60 on, has no part of what waits there."""
    rule = Scripted(replicas((0.0, 1), (60.0, 2)))
    play(rule, steady(150, 120), start_up_s=10.0)
    assert readings(rule, 5.0).workload(INT8).backlogs == ()
    for at_s in (40.0, 100.0):
        (backlog,) = readings(rule, at_s).workload(INT8).backlogs
        assert backlog.executed_rate == pytest.approx(100.0, rel=0.01)
        assert backlog.pending > 1000.0


def test_a_full_queue_shows_as_failures() -> None:
    model = replace(MODEL, triton=replace(MODEL.triton, max_queue_size=5))
    rule = Scripted(replicas((0.0, 1)))
    play(rule, steady(150, 120), model=model)
    assert value_or_none(readings(rule, 100.0).failure_rate) == pytest.approx(50.0, rel=0.05)


def test_two_scrapes_come_before_the_first_rate() -> None:
    rule = Scripted(replicas((0.0, 1)))
    play(rule, steady(50, 60))
    assert isinstance(readings(rule, 5.0).arrival_rate, Missing)
    assert isinstance(readings(rule, 10.0).arrival_rate, Known)


def test_silence_is_no_traffic_and_no_pod_is_unknown() -> None:
    rule = Scripted(replicas((0.0, 1), (120.0, 0)))
    play(rule, steady(0, 180))
    assert isinstance(readings(rule, 100.0).arrival_rate, NoTraffic)
    gone = readings(rule, 170.0).arrival_rate
    assert isinstance(gone, Missing)
    assert gone.reason == "NoReadyPods"


def test_nothing_is_known_while_prometheus_is_down_nor_right_after() -> None:
    rule = Scripted(replicas((0.0, 1)))
    play(rule, steady(50, 600), blind=((200.0, 300.0),))
    assert isinstance(readings(rule, 195.0).arrival_rate, Known)
    for at_s in (200.0, 295.0):
        lost = readings(rule, at_s)
        assert isinstance(lost.arrival_rate, Missing)
        assert isinstance(lost.latency_s, Missing)
        assert isinstance(lost.workload(INT8).service_time_s, Missing)
    assert isinstance(readings(rule, 300.0).arrival_rate, Stale)
    assert isinstance(readings(rule, 305.0).arrival_rate_fast, Missing)
    assert value_or_none(readings(rule, 400.0).arrival_rate) == pytest.approx(50.0, rel=0.05)


def test_a_pod_that_left_counts_no_more() -> None:
    rule = Scripted(replicas((0.0, 4), (120.0, 1)))
    play(rule, steady(40, 300))
    assert value_or_none(readings(rule, 130.0).workload(INT8).rate) == pytest.approx(10, rel=0.4)
    assert value_or_none(readings(rule, 290.0).workload(INT8).rate) == pytest.approx(40, rel=0.03)


def test_counters_alone_give_no_percentile() -> None:
    source = LatencySource(LatencySourceType.TRITON_COUNTERS)
    rule = Scripted(replicas((0.0, 1)))
    play(rule, steady(50, 120), model=replace(MODEL, latency_source=source))
    read = readings(rule, 100.0)
    assert (read.latency_source, read.latency_estimated) == ("TritonCounters", True)
    assert isinstance(read.latency_s, Missing)


@pytest.mark.parametrize("source", [LatencySourceType.GATEWAY_HISTOGRAM, LatencySourceType.PROM_QL])
def test_what_clients_see_is_no_pods_own_percentile(source: LatencySourceType) -> None:
    rule = Scripted(replicas((0.0, 2)))
    play(rule, steady(50, 120), model=replace(MODEL, latency_source=LatencySource(source, "up")))
    read = readings(rule, 100.0)
    assert (read.latency_source, read.latency_estimated) == (source.value, False)
    assert isinstance(read.latency_s, Known)


def test_peers_metrics_agree_with_theory() -> None:
    def ask(metrics: Metrics) -> Answers:
        return (
            metrics.rate(KEY, 60.0),
            metrics.concurrency(KEY, 60.0),
            metrics.queue_time_s(KEY, 60.0),
            metrics.latency_s(KEY, 90.0, 60.0),
        )

    rule = Asking(1, ask)
    report = play(rule, steady(50, 300))
    assert rule.answers[5.0] == (None, None, None, None)
    rate, concurrency, queue_s, p90_s = (a or 0.0 for a in rule.answers[240.0])
    assert rate == pytest.approx(50.0, rel=0.02)
    assert concurrency == pytest.approx(50.0 * (queue_s + 0.010), rel=0.02)
    assert queue_s == pytest.approx(0.005, rel=0.25)
    assert 0.010 < p90_s < (report.models[0].latency_s(99.0) or 0.0)


def test_what_is_forgotten_changes_no_window_that_is_kept() -> None:
    short, long = Scripted(replicas((0.0, 1), (90.0, 2))), Scripted(replicas((0.0, 1), (90.0, 2)))
    play(short, steady(50, 600), history_s=70.0)
    play(long, steady(50, 600))
    assert readings(short, 595.0) == readings(long, 595.0)
    assert readings(short, 125.0) == readings(long, 125.0)
