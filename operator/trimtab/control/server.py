"""Health and metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from trimtab.control.metrics import Metrics

Check = Callable[[], str | None]


@asynccontextmanager
async def serve(port: int, metrics: Metrics, *, alive: Check, ready: Check) -> AsyncIterator[None]:
    """Serves /healthz, /readyz and /metrics while the block runs.

    `alive` and `ready` return None when all is well, else a sentence that says what is not.
    """
    app = web.Application()
    app.router.add_get("/healthz", _answer(alive))
    app.router.add_get("/readyz", _answer(ready))

    async def show(_: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4"}
        return web.Response(body=_in_turns(metrics.exposition()), headers=headers)

    app.router.add_get("/metrics", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()


async def _in_turns(families: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Of thousands of models one family takes long enough: a probe and the Lease wait for it."""
    for family in families:
        yield family
        await asyncio.sleep(0)


def _answer(check: Check) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_: web.Request) -> web.Response:
        problem = check()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    return handle
