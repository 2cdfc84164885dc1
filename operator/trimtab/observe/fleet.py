"""One reading of the whole fleet: queries at once, bounded in number and time, then `readings`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from trimtab.api.resources import LatencySourceType, ObjectKey
from trimtab.core.snapshot import ModelReadings, ModelState
from trimtab.observe.errors import PrometheusError, PrometheusTimeout
from trimtab.observe.gateway import GatewayTable
from trimtab.observe.gateway_queries import GatewayMetric, gateway_queries
from trimtab.observe.latency import UserOutcome
from trimtab.observe.prometheus import Answer
from trimtab.observe.queries import Metric, ReadSettings, fleet_queries
from trimtab.observe.readings import readings_of
from trimtab.observe.table import FleetTable, Outcome

_Outcome = Answer | PrometheusError
_Take = Callable[[_Outcome], None]
_Asked = TypeVar("_Asked", Metric, GatewayMetric)


class Querier(Protocol):
    """What is asked of a Prometheus client; tests bring their own."""

    @property
    def shown_url(self) -> str:
        """The URL without credentials."""

    async def answer(self, promql: str, at_s: float) -> Answer:
        """One instant query; raises PrometheusError."""


@dataclass(frozen=True, slots=True)
class FleetAnswers:
    """What every query of one reading came to."""

    fleet: dict[Metric, Outcome] = field(default_factory=dict)
    gateways: dict[GatewayMetric, Outcome] = field(default_factory=dict)
    users: dict[ObjectKey, UserOutcome] = field(default_factory=dict)

    def readings(
        self, settings: ReadSettings, states: Sequence[ModelState], now_s: float
    ) -> Mapping[ObjectKey, ModelReadings]:
        """The readings of every model."""
        table = FleetTable.of(self.fleet, settings)
        gateway = GatewayTable.of(self.gateways, settings)
        return readings_of(table, gateway, self.users, states, now_s)


class _Takers(NamedTuple):
    """Where the outcome of each query goes, as soon as it is known."""

    fleet: Callable[[Metric, Outcome], None]
    gateway: Callable[[GatewayMetric, Outcome], None]
    user: Callable[[ObjectKey, UserOutcome], None]


async def read_fleet(
    client: Querier, settings: ReadSettings, states: Sequence[ModelState], now_s: float
) -> Mapping[ObjectKey, ModelReadings]:
    """The readings of every model at `now_s` (epoch seconds); never raises a PrometheusError.

    Ends within `settings.deadline_s`: a query that has not answered by then is Missing with
    reason PrometheusTimeout, and what did answer is kept.
    """
    # An answer goes into its table at once: all fifteen, held until the last had come and the
    # decision after it was made, were ten KiB a model.
    table, gateway = FleetTable(settings), GatewayTable(settings)
    users: dict[ObjectKey, UserOutcome] = {}
    takers = _Takers(table.add, gateway.add, users.__setitem__)
    await _ask_all(client, settings, states, now_s, takers)
    return readings_of(table, gateway, users, states, now_s)


async def ask_fleet(
    client: Querier, settings: ReadSettings, states: Sequence[ModelState], now_s: float
) -> FleetAnswers:
    """The answers themselves, in the same bounds."""
    told = FleetAnswers()
    takers = _Takers(told.fleet.__setitem__, told.gateways.__setitem__, told.users.__setitem__)
    await _ask_all(client, settings, states, now_s, takers)
    return told


async def _ask_all(
    client: Querier,
    settings: ReadSettings,
    states: Sequence[ModelState],
    now_s: float,
    takers: _Takers,
) -> None:
    """Hands every outcome to its takers. The fleet's queries go first and the gateways' next, so
    that no slow query of one user holds up other models' counters."""
    asked: dict[str, list[_Take]] = {}
    for text, take in _queries(settings, states, takers):
        asked.setdefault(text, []).append(take)
    gate = asyncio.Semaphore(settings.concurrency)
    tasks = {
        asyncio.create_task(_one(gate, client, text, now_s, takes)): takes
        for text, takes in asked.items()
    }
    try:
        await asyncio.wait(tasks, timeout=settings.deadline_s)
    finally:
        for task in tasks:
            task.cancel()  # no effect on a task that is done
        await asyncio.wait(tasks)
    late = PrometheusTimeout(client.shown_url, settings.deadline_s)
    for task, takes in tasks.items():
        if not task.cancelled():
            task.result()
            continue
        for take in takes:
            take(late)


def _queries(
    settings: ReadSettings, states: Sequence[ModelState], takers: _Takers
) -> Iterator[tuple[str, _Take]]:
    """Every query, and what takes its outcome."""
    for metric, text in fleet_queries(settings).items():
        yield text, partial(_hand, takers.fleet, metric, _all_samples)
    for place, text in gateway_queries(settings, (s.spec for s in states)).items():
        yield text, partial(_hand, takers.gateway, place, _samples)
    for state in states:
        key, source = state.spec.key, state.spec.latency_source
        if source.type is LatencySourceType.PROM_QL and source.query:
            yield source.query, partial(takers.user, key)


def _hand(
    take: Callable[[_Asked, Outcome], None],
    asked: _Asked,
    samples: Callable[[_Outcome], Outcome],
    told: _Outcome,
) -> None:
    take(asked, samples(told))


def _all_samples(outcome: _Outcome) -> Outcome:
    """Those without a number too: that a summary is there and tells of nothing is news."""
    if isinstance(outcome, PrometheusError):
        return outcome
    return (*outcome.samples, *outcome.no_numbers) if outcome.no_numbers else outcome.samples


def _samples(outcome: _Outcome) -> Outcome:
    return outcome if isinstance(outcome, PrometheusError) else outcome.samples


async def _one(
    gate: asyncio.Semaphore, client: Querier, text: str, now_s: float, takes: Sequence[_Take]
) -> None:
    async with gate:
        try:
            told: _Outcome = await client.answer(text, now_s)
        except PrometheusError as problem:
            told = problem
    for take in takes:
        take(told)
