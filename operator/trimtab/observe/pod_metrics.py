"""Reads /metrics of Triton pods themselves, many at once and each with little time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from trimtab.observe.body import BodyTooLarge, bounded_body
from trimtab.observe.pod_counts import Counts, read_counts
from trimtab.observe.pod_session import pod_session

CONCURRENCY = 32
_TIMEOUT_S = 2.0  # a pod in an overload tells, but late
_MAX_BODY = 4 * 1024 * 1024


class PodMetrics:
    """Asks pods what they count."""

    def __init__(self, session: aiohttp.ClientSession, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(CONCURRENCY)

    async def counts(self, address: str, model: str) -> Counts | None:
        """What the pod at that host and port counts of the model; None where it does not tell."""
        page = await self._page(address)
        try:
            return None if page is None else read_counts(page, model)
        except ValueError:
            return None

    async def answers(self, address: str) -> bool:
        """Whether the pod at that host and port tells anything at all."""
        return await self._page(address) is not None

    async def _page(self, address: str) -> str | None:
        """None where the pod hangs, is gone, or a NetworkPolicy stands between."""
        url = f"http://{address}/metrics"
        try:
            async with (
                self._places,
                asyncio.timeout(self._timeout_s),
                self._session.get(url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    return None
                body = await bounded_body(response, _MAX_BODY)
        except (TimeoutError, aiohttp.ClientError, OSError, BodyTooLarge):
            return None
        return body.decode("utf-8", "replace")


@asynccontextmanager
async def open_pod_metrics() -> AsyncIterator[PodMetrics]:
    """PodMetrics with a session of its own, closed on exit."""
    async with pod_session(CONCURRENCY) as session:
        yield PodMetrics(session)
