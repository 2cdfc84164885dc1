"""No write passes while the lease is not held, whichever way it takes."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import trimtab
from tests.actuate.api_server import Answer, ApiServer
from tests.actuate.fleet import children_of, only_deployment
from trimtab.actuate import kinds
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import Unavailable
from trimtab.actuate.fence import Fence, NotLeading

DEPLOYMENT = only_deployment(children_of())
Call = Callable[[KubeClient], Awaitable[Any]]

READS: dict[str, Call] = {
    "get": lambda c: c.get(kinds.DEPLOYMENT, "x", "shop"),
    "find": lambda c: c.find(kinds.DEPLOYMENT, "x", "shop"),
    "list": lambda c: c.list(kinds.DEPLOYMENT),
    "has_kind": lambda c: c.has_kind(kinds.DEPLOYMENT),
    "openapi": lambda c: c.openapi(kinds.DEPLOYMENT),
    "server_time_s": lambda c: c.server_time_s(),
}
WRITES: dict[str, Call] = {
    "server_side_apply": lambda c: c.server_side_apply(DEPLOYMENT, "trimtab"),
    "create": lambda c: c.create(DEPLOYMENT),
    "replace": lambda c: c.replace(DEPLOYMENT),
    "delete": lambda c: c.delete(kinds.DEPLOYMENT, "x", "shop"),
    "create_event": lambda c: c.create_event(
        DEPLOYMENT, type_="Normal", reason="Tested", note="told", action="Test"
    ),
}


class Clock:
    """Moved by the story."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fence(clock: Clock) -> Fence:
    return Fence(clock)


def test_every_request_that_the_client_can_make_is_tried_here() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(KubeClient, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert public - {"connect", "close"} == READS.keys() | WRITES.keys()


@pytest.mark.parametrize("name", WRITES)
async def test_a_closed_fence_sends_no_write(fence: Fence, name: str) -> None:
    async with ApiServer() as server, server.client(fence=fence) as client:
        with pytest.raises(NotLeading, match="does not hold the lease"):
            await WRITES[name](client)
        assert server.seen == []
        fence.open(101.0)
        await WRITES[name](client)
        assert [s.method != "GET" for s in server.seen] == [True]


@pytest.mark.parametrize("name", READS)
async def test_reading_needs_no_lease(fence: Fence, name: str) -> None:
    async with ApiServer() as server, server.client(fence=fence) as client:
        await READS[name](client)
        assert len(server.seen) == 1


async def test_the_fence_closes_by_time_alone(fence: Fence, clock: Clock) -> None:
    async with ApiServer() as server, server.client(fence=fence) as client:
        fence.open(110.0)
        clock.now_s = 109.9
        await WRITES["create"](client)
        clock.now_s = 110.0  # the process was stopped meanwhile, and nobody told it anything
        with pytest.raises(NotLeading):
            await WRITES["create"](client)
        assert len(server.seen) == 1


async def test_a_write_that_waited_for_its_connection_looks_again(
    fence: Fence, clock: Clock
) -> None:
    """It passed in time, and was stopped before the first byte was sent."""
    async with ApiServer() as server, server.client(fence=fence) as client:
        fence.open(110.0)
        serialize = client._api.param_serialize

        async def stopped(*given: Any, **named: Any) -> Any:
            clock.now_s = 115.0
            return await serialize(*given, **named)

        client._api.param_serialize = stopped
        with pytest.raises(NotLeading):
            await WRITES["server_side_apply"](client)
        assert server.seen == []


async def test_a_write_is_given_up_when_the_lease_ends(fence: Fence, clock: Clock) -> None:
    async with (
        ApiServer(Answer(body={}, after_s=5.0)) as server,
        server.client(fence=fence) as client,
    ):
        fence.open(clock.now_s + 0.05)
        with pytest.raises(Unavailable, match=r"no answer within 0\.05 s"):
            await WRITES["create"](client)


async def test_who_hands_over_waits_for_the_last_write(fence: Fence) -> None:
    async with (
        ApiServer(Answer(body={}, after_s=0.05)) as server,
        server.client(fence=fence) as client,
    ):
        fence.open(110.0)
        writing = asyncio.create_task(client.create(DEPLOYMENT))
        for _ in range(2000):
            if server.at_once:
                break
            await asyncio.sleep(0.001)
        fence.close()
        await fence.idle()
        assert server.at_once == 0
        await writing


def test_the_client_is_the_only_way_to_the_api_server() -> None:
    """What sends requests past it would pass no fence: kopf is given no handler that patches."""
    sources = {p: p.read_text() for p in Path(trimtab.__file__).parent.rglob("*.py")}
    senders = {p.name for p, text in sources.items() if "call_api(" in text or "ApiClient(" in text}
    assert senders == {"client.py"}
    (handlers,) = [text for p, text in sources.items() if p.name == "handlers.py"]
    assert set(re.findall(r"kopf\.on\.(\w+)\(", handlers)) == {"login", "event"}
    assert "patch" not in handlers
