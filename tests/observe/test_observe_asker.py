"""Pods asked a sample over real HTTP: right, wrong, slow and dead ones."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from trimtab.observe.asker import Asker, Unanswered
from trimtab.observe.sample import questions

ITEMS = 10
SAMPLE = questions(
    json.dumps(
        {
            "inputs": [
                {"name": "x", "datatype": "INT32", "shape": [ITEMS, 1], "data": [*range(ITEMS)]}
            ],
            "outputs": [
                {"name": "y", "datatype": "FP32", "shape": [ITEMS, 2], "data": [1.0, 0.0] * ITEMS}
            ],
        }
    )
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def right(request: web.Request) -> web.Response:
    return web.json_response({"outputs": [{"name": "y", "data": [1.0, 0.0]}]})


async def wrong_on_some(request: web.Request) -> web.Response:
    (item,) = (await request.json())["inputs"][0]["data"]
    return web.json_response({"outputs": [{"name": "y", "data": [1.0, 2.0 * (item < 3)]}]})


def saying(status: int, text: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return handler


@asynccontextmanager
async def asker(**settings: Any) -> AsyncIterator[Asker]:
    async with aiohttp.ClientSession() as session:
        yield Asker(session, **settings)


@asynccontextmanager
async def pod(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v2/models/digits/infer", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(("handler", "agreed"), [(right, ITEMS), (wrong_on_some, ITEMS - 3)])
async def test_answers_that_agree_are_counted(handler: Handler, agreed: int) -> None:
    async with asker() as ask, pod(handler) as address:
        assert await ask.agreed(address, "digits", SAMPLE, share=1.0) == agreed


@pytest.mark.parametrize(
    ("handler", "reason", "said"),
    [
        (saying(400, '{"error":"unexpected shape"}'), "SampleDoesNotFit", "unexpected shape"),
        (saying(429, "queue full"), "PodBusy", "queue full"),
        (saying(503, "not ready"), "PodBusy", "503"),
        (saying(200, "<html>"), "SampleDoesNotFit", "no JSON"),
        (saying(200, '{"outputs":[]}'), "SampleDoesNotFit", "no output 'y'"),
        (saying(200, "1" * (5 << 20)), "SampleDoesNotFit", "larger than"),
    ],
)
async def test_no_answer_is_told_with_its_reason(handler: Handler, reason: str, said: str) -> None:
    async with asker() as ask, pod(handler) as address:
        with pytest.raises(Unanswered) as raised:
            await ask.agreed(address, "digits", SAMPLE, share=1.0)
    assert raised.value.why.reason == reason
    assert said in raised.value.why.message


async def test_a_dead_pod_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    async with asker() as ask:
        with pytest.raises(Unanswered) as raised:
            await ask.agreed(address, "digits", SAMPLE, share=1.0)
    assert raised.value.why.reason == "PodUnreachable"


async def test_a_slow_pod_takes_one_place_and_not_for_long() -> None:
    """The others are asked meanwhile."""
    released = asyncio.Event()

    async def stuck(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with asker(timeout_s=0.2, concurrency=2) as ask, pod(stuck) as slow, pod(right) as fast:
        held = asyncio.create_task(ask.agreed(slow, "digits", SAMPLE, share=1.0))
        assert await ask.agreed(fast, "digits", SAMPLE, share=1.0) == ITEMS
        assert not held.done()
        with pytest.raises(Unanswered) as raised:
            async with asyncio.timeout(1.0):
                await held
        released.set()
    assert raised.value.why.reason == "PodUnreachable"


async def test_all_of_it_ends_in_time() -> None:
    async with asker(deadline_s=0.05) as ask, pod(right) as address:
        with pytest.raises(Unanswered) as raised:
            await ask.agreed(address, "digits", SAMPLE, share=0.0001)
    assert raised.value.why.reason == "SampleTooSlow"
