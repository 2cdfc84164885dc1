"""One reading of the whole fleet: queries at once, bounded in number and time, then `readings`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.api.resources import LatencySourceType, ObjectKey
from trimtab.core.snapshot import ModelReadings, ModelState
from trimtab.observe.errors import PrometheusError, PrometheusTimeout
from trimtab.observe.gateway import GatewayAnswers
from trimtab.observe.gateway_queries import gateway_queries
from trimtab.observe.latency import UserOutcome
from trimtab.observe.prometheus import Answer
from trimtab.observe.queries import ReadSettings, fleet_queries
from trimtab.observe.readings import Answers, readings_of
from trimtab.observe.table import Outcome

_Outcome = Answer | PrometheusError


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

    fleet: Answers
    gateways: GatewayAnswers
    users: Mapping[ObjectKey, UserOutcome]

    def readings(
        self, settings: ReadSettings, states: Sequence[ModelState], now_s: float
    ) -> Mapping[ObjectKey, ModelReadings]:
        """The readings of every model."""
        return readings_of(self.fleet, settings, states, now_s, self.users, self.gateways)


async def read_fleet(
    client: Querier, settings: ReadSettings, states: Sequence[ModelState], now_s: float
) -> Mapping[ObjectKey, ModelReadings]:
    """The readings of every model at `now_s` (epoch seconds); never raises a PrometheusError.

    Ends within `settings.deadline_s`: a query that has not answered by then is Missing with
    reason PrometheusTimeout, and what did answer is kept.
    """
    answers = await ask_fleet(client, settings, states, now_s)
    return answers.readings(settings, states, now_s)


async def ask_fleet(
    client: Querier, settings: ReadSettings, states: Sequence[ModelState], now_s: float
) -> FleetAnswers:
    """The answers themselves, in the same bounds. The fleet's queries go first and the gateways'
    next, so that no slow query of one user holds up other models' counters."""
    fleet = fleet_queries(settings)
    gateways = gateway_queries(settings, (s.spec for s in states))
    users = _user_queries(states)
    texts = [*fleet.values(), *gateways.values(), *dict.fromkeys(users.values())]
    outcomes = await _run_all(client, settings, texts, now_s)
    by_text = dict(zip(texts, outcomes, strict=True))
    return FleetAnswers(
        fleet={metric: _all_samples(by_text[text]) for metric, text in fleet.items()},
        gateways={metric: _samples(by_text[text]) for metric, text in gateways.items()},
        users={key: by_text[query] for key, query in users.items()},
    )


def _all_samples(outcome: _Outcome) -> Outcome:
    """Those without a number too: that a summary is there and tells of nothing is news."""
    if isinstance(outcome, PrometheusError):
        return outcome
    return (*outcome.samples, *outcome.no_numbers) if outcome.no_numbers else outcome.samples


def _samples(outcome: _Outcome) -> Outcome:
    return outcome if isinstance(outcome, PrometheusError) else outcome.samples


def _user_queries(states: Sequence[ModelState]) -> dict[ObjectKey, str]:
    return {
        s.spec.key: s.spec.latency_source.query
        for s in states
        if s.spec.latency_source.type is LatencySourceType.PROM_QL and s.spec.latency_source.query
    }


async def _run_all(
    client: Querier, settings: ReadSettings, texts: Sequence[str], now_s: float
) -> list[_Outcome]:
    """The outcome of each query, in order; they start in that order too."""
    gate = asyncio.Semaphore(settings.concurrency)
    tasks = [asyncio.create_task(_one(gate, client.answer, text, now_s)) for text in texts]
    try:
        await asyncio.wait(tasks, timeout=settings.deadline_s)
    finally:
        for task in tasks:
            task.cancel()  # no effect on a task that is done
        await asyncio.gather(*tasks, return_exceptions=True)
    late = PrometheusTimeout(client.shown_url, settings.deadline_s)
    return [late if task.cancelled() else task.result() for task in tasks]


async def _one(
    gate: asyncio.Semaphore,
    ask: Callable[[str, float], Awaitable[Answer]],
    text: str,
    now_s: float,
) -> _Outcome:
    async with gate:
        try:
            return await ask(text, now_s)
        except PrometheusError as problem:
            return problem
