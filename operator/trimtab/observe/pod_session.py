"""The HTTP session of whatever asks pods themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp


@asynccontextmanager
async def pod_session(limit: int) -> AsyncIterator[aiohttp.ClientSession]:
    """With at most `limit` connections, closed on exit. Time is bounded by who asks."""
    # A pod's address may be another pod's by the next time: connections are not kept.
    connector = aiohttp.TCPConnector(limit=limit, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        yield session
