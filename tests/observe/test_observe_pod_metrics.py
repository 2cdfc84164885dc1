"""Pods asked what they count, over real HTTP: one that tells, and some that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from trimtab.observe.pod_counts import Counts
from trimtab.observe.pod_metrics import PodMetrics, open_pod_metrics

PAGE = 'nv_inference_request_success{model="digits",version="1"} 339\n'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def told(request: web.Request) -> web.Response:
    return web.Response(text=PAGE)


async def hangs(request: web.Request) -> web.Response:
    await asyncio.sleep(30.0)
    return web.Response(text=PAGE)


async def elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:1/metrics")


async def fails(request: web.Request) -> web.Response:
    return web.Response(status=503, text=PAGE)


async def floods(request: web.Request) -> web.Response:
    return web.Response(text=PAGE + "#" * (5 * 1024 * 1024))


async def is_cut(request: web.Request) -> web.Response:
    return web.Response(text=PAGE + 'nv_inference_count{model="digits"} 12x')


async def asked(handler: Handler, timeout_s: float = 5.0) -> Counts | None:
    app = web.Application()
    app.router.add_get("/metrics", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        pods = PodMetrics(session, timeout_s=timeout_s)
        return await pods.counts(f"127.0.0.1:{server.port}", "digits")


async def test_a_pod_tells_what_it_counts() -> None:
    assert await asked(told) == Counts(success=339.0)


@pytest.mark.parametrize("handler", [elsewhere, fails, floods, is_cut])
async def test_a_pod_that_does_not_tell_is_no_error(handler: Handler) -> None:
    assert await asked(handler) is None


async def test_a_pod_that_hangs_is_left() -> None:
    assert await asked(hangs, timeout_s=0.05) is None


async def test_a_pod_that_is_gone_is_left() -> None:
    async with open_pod_metrics() as pods:
        assert await pods.counts(f"127.0.0.1:{unused_port()}", "digits") is None


async def test_a_page_of_another_make_is_an_answer_too() -> None:
    app = web.Application()
    app.router.add_get("/metrics", is_cut)
    async with TestServer(app) as server, open_pod_metrics() as pods:
        assert await pods.answers(f"127.0.0.1:{server.port}")
        assert not await pods.answers(f"127.0.0.1:{unused_port()}")
