"""Answers of a Prometheus, or of what stands in its place: readings that are true or not known."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import Any

from hypothesis import strategies as st

from tests.core.rules import RULES, Scene
from tests.fuzz.target import Target
from tests.hostile import WORDS, dirty, json_values, nearly, nested
from tests.observe.stories import BUSY, FP32, INT8, KEY, MODEL, NOW, SETTINGS, pod, spec
from trimtab.api.resources import AcceleratorClass, LatencySourceType
from trimtab.control.recall import recall
from trimtab.core.memory import Memory
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import Known, Missing, NoTraffic, Stale
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot, Workload
from trimtab.observe.errors import PrometheusError
from trimtab.observe.fleet import read_fleet
from trimtab.observe.prometheus import ClientSettings, PrometheusClient
from trimtab.observe.queries import Metric, fleet_queries

_QUERIES = {text: metric for metric, text in fleet_queries(SETTINGS).items()}
_USERS = "users_query"
_PODS = ("a", "b", "gone")


class _Response:
    """What aiohttp hands over of an HTTP answer."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self._body, self.content = status, body, self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Answers:
    """A status and a body by query; a query that is not among them gets the healthy one."""

    by_query: Mapping[str, tuple[int, bytes]]

    @asynccontextmanager
    async def request(
        self, _method: str, _url: Any, *, params: Any, data: Any, **_: Any
    ) -> AsyncIterator[_Response]:
        """As of an aiohttp session."""
        query = (params or data)["query"]
        healthy = 200, _json(_vector([_row("a", query), _row("b", query)]))
        yield _Response(*self.by_query.get(query, healthy))

    def client(self) -> PrometheusClient:
        """The real client, over these answers in place of a network."""
        return PrometheusClient(ClientSettings("http://prometheus"), self)  # type: ignore[arg-type]


def _row(name: str, query: str) -> dict[str, Any]:
    labels = {"namespace": KEY.namespace, "pod": name, "model": MODEL, "quantile": "0.99"}
    value = BUSY.get(_QUERIES.get(query, Metric.PENDING), 4.0)
    return {"metric": labels, "value": [NOW, str(value)]}


def _vector(rows: Any, kind: str = "vector") -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": rows}}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


# A label's text may be anything, half a surrogate pair too: JSON can spell it.
texts = WORDS | st.just("\ud800") | st.text(max_size=4)
VALUES = (
    st.sampled_from(["0", "1", "12.5", "-1", "-0", "NaN", "+Inf", "-Inf", "1e308", "-1e308"])
    | st.sampled_from(["5e-324", "1e19", "250", "1e-300", str(NOW), str(NOW - 2), str(NOW + 9e9)])
    | st.floats().map(str)
    | json_values
)
TIMES = st.sampled_from(
    [NOW, NOW - 5, NOW - 600, NOW + 3600, 0, -1, math.nan, math.inf, 10**400, "1", None, True]
)
LABELS = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from([KEY.namespace] * 6 + ["other", ""]),
        "pod": st.sampled_from(_PODS),
        "model": st.sampled_from([MODEL] * 6 + ["other"]),
    },
    optional={"quantile": st.sampled_from(["0.5", "0.99", "NaN", "x", "-1"]), "job": texts},
) | st.dictionaries(texts, texts, max_size=3)
POINTS = st.lists(st.tuples(TIMES | st.floats(NOW - 1e5, NOW), VALUES).map(list), max_size=4)
ROWS = st.fixed_dictionaries({"metric": LABELS, "value": st.tuples(TIMES, VALUES).map(list)})
SERIES = st.fixed_dictionaries({"metric": LABELS, "values": POINTS})
ERROR = {"status": "error", "errorType": "execution", "error": "query timed out"}


def payloads(
    rows: st.SearchStrategy[Any], other: st.SearchStrategy[Any], kind: str
) -> st.SearchStrategy[Any]:
    """Answers of the shape that is asked for, of others, and nearly so."""
    right = st.lists(rows, max_size=4).map(lambda found: _vector(found, kind))
    kinds = st.sampled_from(["vector", "matrix", "scalar", "string", "streams"])
    wrong = st.tuples(st.lists(other, max_size=2), kinds).map(lambda made: _vector(*made))
    return st.one_of(right, right, right, nearly(right), wrong, nearly(st.just(ERROR)), json_values)


def bodies(made: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[int, bytes]]:
    """HTTP answers that carry them."""
    status = st.sampled_from([200] * 9 + [204, 302, 401, 429, 500, 503])
    body = st.one_of(*[dirty(made.map(_json))] * 20, st.binary(max_size=40), nested())
    return st.tuples(status, body)


VECTORS = bodies(payloads(ROWS, SERIES, "vector"))
MATRICES = bodies(payloads(SERIES, ROWS, "matrix"))


@st.composite
def models(draw: st.DrawFn) -> ModelState:
    """A model of two workloads; its pods are measured, too young to be, or not Ready."""
    ages = st.sampled_from([None, 5.0, 1000.0, 1000.0])
    source = draw(st.sampled_from(LatencySourceType))
    declared = spec(source, query=_USERS if source is LatencySourceType.PROM_QL else None)
    return ModelState(
        declared,
        (
            Workload(FP32, 1, (pod("a", draw(ages)),)),
            Workload(INT8, 1, (pod("b", draw(ages), draw(st.booleans())),)),
        ),
    )


CASES = st.tuples(
    models(),
    st.dictionaries(st.sampled_from([*_QUERIES, _USERS]), VECTORS, max_size=4).map(Answers),
)


def check(case: tuple[ModelState, Answers]) -> None:
    """Whatever is answered: readings are finite and not negative, or unknown with a reason; and the
    decision on them keeps every rule.
    """
    state, answers = case
    readings = asyncio.run(read_fleet(answers.client(), SETTINGS, [state], NOW))[KEY]
    for reading in _all(readings):
        if isinstance(reading, Known):
            assert math.isfinite(reading.value), reading
            assert reading.value >= 0.0, reading
        elif isinstance(reading, Missing):
            assert reading.reason.isidentifier()
            assert reading.message
    measured = ModelState(state.spec, state.workloads, readings)
    price = AcceleratorClass("cpu", (("cpu", "1"),), price_per_hour=None)
    scene = Scene(Snapshot((measured,), {"cpu": price}), Memory(), NOW)
    for rule in RULES:
        rule(scene)


def _all(readings: ModelReadings) -> list[Any]:
    found = [getattr(readings, field.name) for field in fields(readings)]
    found += [getattr(own, f.name) for own in readings.workloads for f in fields(own)]
    return [each for each in found if isinstance(each, Known | NoTraffic | Missing | Stale)]


PASTS = st.tuples(MATRICES, MATRICES, MATRICES)


def check_past(case: tuple[tuple[int, bytes], ...]) -> None:
    """What is read of the past is refused as a whole, or a history that decisions can use."""
    given = itertools.cycle(case)

    class InOrder(Answers):
        @asynccontextmanager
        async def request(self, *_: Any, **__: Any) -> AsyncIterator[_Response]:
            yield _Response(*next(given))

    state = ModelState(spec())
    settings = PolicySettings()
    try:
        memory = asyncio.run(
            recall(InOrder({}).client(), SETTINGS, [state], Memory(), settings, NOW)
        )
    except PrometheusError:
        return
    scene = Scene(Snapshot((state,)), memory, NOW)
    for rule in RULES:
        rule(scene)


TARGETS = (
    Target("prometheus", CASES, check, share=20),
    Target("prometheus-past", PASTS, check_past, share=6),
)
