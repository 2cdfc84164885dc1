"""What Prometheus tells of the fleet, asked as a tick asks it, and a little more."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.control.doctor.facts import Prometheus
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusError
from trimtab.observe.fleet import Querier, ask_fleet
from trimtab.observe.queries import ReadSettings, unlabelled_query
from trimtab.observe.table import Outcome


async def gather_prometheus(
    client: Querier, reading: ReadSettings, models: Sequence[ModelState], now_s: float
) -> Prometheus:
    """Never raises a PrometheusError: what a query came to is a fact."""
    answers = await ask_fleet(client, reading, models, now_s)
    return Prometheus(
        url=client.shown_url,
        reading=reading,
        answers=answers.fleet,
        gateways=answers.gateways,
        readings=answers.readings(reading, models, now_s),
        unlabelled=await _outcome(client, unlabelled_query(reading), now_s),
    )


async def _outcome(client: Querier, promql: str, now_s: float) -> Outcome:
    try:
        return (await client.answer(promql, now_s)).samples
    except PrometheusError as error:
        return error
