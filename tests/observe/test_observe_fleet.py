"""Reading a fleet: a fixed number of queries, bounded in time, each failing alone."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from tests.observe.stories import BUSY, KEY, MODEL, NOW, pod, spec, state
from trimtab.api.resources import LatencySourceType, ObjectKey
from trimtab.core.signals import Known, Missing
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusQueryError
from trimtab.observe.fleet import read_fleet
from trimtab.observe.prometheus import Answer, Sample
from trimtab.observe.queries import Metric, ReadSettings, fleet_queries

SETTINGS = ReadSettings(deadline_s=0.05, concurrency=3)
METRICS = {text: metric for metric, text in fleet_queries(SETTINGS).items()}


class FakePrometheus:
    """Answers every metric of the set for pods a and b; other queries by `users`."""

    shown_url = "http://prometheus:9090"

    def __init__(self, users: dict[str, Answer] | None = None) -> None:
        self.users = users or {}
        self.asked: list[str] = []
        self.now = self.most = 0
        self.started = asyncio.Event()
        self.hang: set[str] = set()
        self.fail: set[str] = set()

    async def answer(self, promql: str, at_s: float) -> Answer:
        self.asked.append(promql)
        self.now += 1
        self.started.set()
        self.most = max(self.most, self.now)
        try:
            await (asyncio.Event().wait() if promql in self.hang else asyncio.sleep(0))
        finally:
            self.now -= 1
        if promql in self.fail:
            raise PrometheusQueryError(self.shown_url, "bad_data", "no")
        return self.users[promql] if promql in self.users else self._counters(promql)

    def _counters(self, promql: str) -> Answer:
        value = BUSY.get(METRICS[promql])
        labels = [{"namespace": "shop", "pod": p, "model": MODEL} for p in "ab"]
        return Answer(tuple(Sample(row, value, NOW) for row in labels if value is not None))


def asking(name: str, query: str) -> ModelState:
    own = spec(LatencySourceType.PROM_QL, query=query, key=ObjectKey("shop", name))
    return state([pod("b")], own)


async def test_the_number_of_queries_does_not_grow_with_the_fleet() -> None:
    prometheus = FakePrometheus()
    many = [state([pod("a")], spec(key=ObjectKey("shop", f"m{i}"))) for i in range(50)]
    found = await read_fleet(prometheus, SETTINGS, many, NOW)
    assert len(found) == 50
    assert len(prometheus.asked) == len(Metric) == 15
    assert prometheus.most <= 3
    assert all(r.arrival_rate == Known(51, NOW - 2) for r in found.values())


async def test_an_answer_is_given_up_once_it_is_in_the_table() -> None:
    class Labels(dict[str, str]):
        """Labels that can be watched."""

    prometheus, given = FakePrometheus(), list[weakref.ref[Labels]]()
    held: list[int] = []

    async def answer(promql: str, at_s: float) -> Answer:
        held.append(sum(ref() is not None for ref in given))
        samples = (await FakePrometheus.answer(prometheus, promql, at_s)).samples
        watched = [s._replace(labels=Labels(s.labels)) for s in samples]
        given.extend(weakref.ref(s.labels) for s in watched if isinstance(s.labels, Labels))
        return Answer(tuple(watched))

    prometheus.answer = answer  # type: ignore[method-assign]
    await read_fleet(prometheus, SETTINGS, [state([pod("a")])], NOW)
    # No step of the event loop lies between: what a decision is made beside is counted here.
    assert not any(ref() is not None for ref in given)
    assert max(held) <= 2 * SETTINGS.concurrency


async def test_one_hung_query_ends_at_the_deadline_and_spoils_nothing_else() -> None:
    prometheus = FakePrometheus()
    prometheus.hang = {t for t, m in METRICS.items() if m is Metric.SUCCESS_FAST}
    found = (await read_fleet(prometheus, SETTINGS, [state([pod("a")])], NOW))[KEY]
    assert isinstance(found.arrival_rate_fast, Missing)
    assert found.arrival_rate_fast.reason == "PrometheusTimeout"
    assert found.arrival_rate == Known(51, NOW - 2)
    assert prometheus.now == 0  # what hung was cancelled


async def test_hung_user_queries_do_not_hold_up_the_fleets() -> None:
    users = [f"slow_{i}" for i in range(10)]
    prometheus = FakePrometheus()
    prometheus.hang = set(users)
    states = [asking(query, query) for query in users]
    for found in (await read_fleet(prometheus, SETTINGS, states, NOW)).values():
        assert isinstance(found.latency_s, Missing)
        assert found.latency_s.reason == "PrometheusTimeout"
        assert found.arrival_rate == Known(51, NOW - 2)


async def test_one_models_bad_query_is_its_own() -> None:
    prometheus = FakePrometheus({"good": Answer((Sample({}, 0.03, NOW),))})
    prometheus.fail = {"bad"}
    states = [asking("x", "bad"), asking("y", "good"), asking("z", "good")]
    found = await read_fleet(prometheus, SETTINGS, states, NOW)
    bad = found[ObjectKey("shop", "x")].latency_s
    assert isinstance(bad, Missing)
    assert bad.reason == "PrometheusQueryError"
    assert found[ObjectKey("shop", "y")].latency_s == Known(0.03, NOW)
    assert found[ObjectKey("shop", "z")].latency_s == Known(0.03, NOW)
    assert prometheus.asked.count("good") == 1


async def test_prometheus_down_blinds_every_model_and_raises_nothing() -> None:
    prometheus = FakePrometheus()
    prometheus.fail = set(METRICS)
    found = (await read_fleet(prometheus, SETTINGS, [state([pod("a")])], NOW))[KEY]
    for reading in (found.arrival_rate, found.pending, found.latency_s):
        assert isinstance(reading, Missing)
        assert reading.reason == "PrometheusQueryError"


async def test_an_empty_fleet_reads_nothing_wrong() -> None:
    assert await read_fleet(FakePrometheus(), SETTINGS, [], NOW) == {}


async def test_a_cancelled_reading_leaves_no_query_behind() -> None:
    prometheus = FakePrometheus()
    prometheus.hang = set(METRICS)
    reading = asyncio.create_task(read_fleet(prometheus, ReadSettings(), [state([pod("a")])], NOW))
    await prometheus.started.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert prometheus.now == 0
