"""The arrivals of the past: what each model was asked for, step by step, from Prometheus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from trimtab.core.response_cache import counted_share
from trimtab.observe.prometheus import Series
from trimtab.observe.queries import ReadSettings, arrival_queries, hits_query
from trimtab.observe.table import MOST

_CHUNK = 2000  # samples a series in one answer: Prometheus allows 11,000, and a body is bounded

Rates = Mapping[tuple[str, str], Mapping[int, float]]
"""(namespace, Triton's model name) -> step -> requests per second in it; no entry where no sample
tells of it, which is not a zero."""


class Ranges(Protocol):
    """What is asked of a Prometheus client; tests bring their own."""

    async def range(
        self, promql: str, start_s: float, end_s: float, step_s: float
    ) -> tuple[Series, ...]:
        """One range query; raises PrometheusError."""


async def read_arrivals(
    client: Ranges, settings: ReadSettings, start_s: float, steps: int, step_s: float
) -> Rates:
    """The requests per second of every model in each of `steps` steps from `start_s` on.

    Answered and failed ones; what still waited at the end of a step counts in the next. A step must
    span two scrapes. In chunks, one after the other. Raises PrometheusError.
    """
    answered, failed = arrival_queries(settings, step_s)
    rates = await _read(client, settings, answered, start_s, steps, step_s)
    # Failures alone are no reading: the series of success is always there.
    for key, more in (await _read(client, settings, failed, start_s, steps, step_s)).items():
        for step in more.keys() & rates.get(key, {}).keys():
            rates[key][step] += more[step]
    return rates


async def read_executing(
    client: Ranges, settings: ReadSettings, start_s: float, steps: int, step_s: float
) -> Rates:
    """The same without what was left to response caches: the load as a decision counts it."""
    rates = await read_arrivals(client, settings, start_s, steps, step_s)
    hits = await _read(client, settings, hits_query(settings, step_s), start_s, steps, step_s)
    return {
        key: {
            step: rate * (1.0 - counted_share(rate, hits.get(key, {}).get(step)))
            for step, rate in past.items()
        }
        for key, past in rates.items()
    }


async def _read(
    client: Ranges,
    settings: ReadSettings,
    query: str,
    start_s: float,
    steps: int,
    step_s: float,
) -> dict[tuple[str, str], dict[int, float]]:
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for first in range(0, steps, _CHUNK):
        last = min(first + _CHUNK, steps) - 1
        # A rate at the end of a step is that of the step.
        span = start_s + (first + 1) * step_s, start_s + (last + 1) * step_s
        for series in await client.range(query, *span, step_s):
            key = (
                series.labels.get(settings.namespace_label, ""),
                series.labels.get("model", ""),
            )
            for at_s, rate in series.points:
                step = round((at_s - start_s) / step_s) - 1
                # What was not asked for, a load of tomorrow say, and what no counter can say.
                if first <= step <= last and 0.0 <= rate <= MOST:
                    found[key][step] = found[key].get(step, 0.0) + rate
    return found
