"""Requests over real connections on this machine."""

from __future__ import annotations

import asyncio

import pytest

from tests.profile.fake import MODEL
from tests.profile.triton_server import TritonServer
from trimtab.profile.connections import Connections, content_length, told
from trimtab.profile.errors import ProfileError
from trimtab.profile.inputs import make_tensors
from trimtab.profile.live import address
from trimtab.profile.model import Model
from trimtab.profile.play import Played, Send, play
from trimtab.profile.request import inference_request


async def played(url: str, sends: int, *, together: bool = False, timeout_s: float = 5) -> Played:
    model = Model("digits", "10", 16, MODEL.inputs)
    request = inference_request(url, model, make_tensors(MODEL, {}, {}), 2)
    connections = Connections(address(url))
    try:
        times = [0.0 if together else 0.005 * n for n in range(sends)]
        return await play(connections, [Send(at_s, request, 2) for at_s in times], timeout_s)
    finally:
        connections.close()
        await asyncio.sleep(0)


async def test_requests_are_answered_on_kept_connections() -> None:
    server = TritonServer()
    async with server.running() as url:
        found = await played(url, 20)
    assert not found.errors
    assert found.items == found.items_answered == server.items == 40
    assert len(server.connections) < 20
    assert all(a.latency_s >= 0 for a in found.answers)


async def test_each_of_a_burst_has_a_connection() -> None:
    server = TritonServer()
    async with server.running() as url:
        found = await played(url, 5, together=True)
    assert not found.errors
    assert len(server.connections) == 5


async def test_a_server_that_closes_connections_loses_nothing() -> None:
    server = TritonServer()
    server.closes = True
    async with server.running() as url:
        found = await played(url, 5)
    assert not found.errors
    assert len(server.connections) == 5


async def test_what_the_server_says_is_told() -> None:
    server = TritonServer()
    server.answers["/v2/models/digits/versions/10/infer"] = (400, {"error": "unexpected shape"})
    async with server.running() as url:
        found = await played(url, 2)
    assert found.errors == ['status 400: {"error": "unexpected shape"}'] * 2
    assert found.items_given_up == 0


async def test_a_port_where_nobody_listens_is_an_error_each() -> None:
    server = TritonServer()
    async with server.running() as url:
        pass
    found = await played(url, 2)
    assert len(found.errors) == 2
    assert "Connect call failed" in found.errors[0]


async def test_a_server_that_never_answers_is_given_up() -> None:
    open_ones: list[asyncio.BaseTransport] = []

    class Silent(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            open_ones.append(transport)

    silent = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent:
        found = await played(f"http://127.0.0.1:{port}", 3, timeout_s=0.05)
        for transport in open_ones:
            transport.close()
        await asyncio.sleep(0)
    assert found.errors == ["no answer in time"] * 3
    assert found.items_given_up == 6


@pytest.mark.parametrize("url", ["digits:8000", "ftp://h", "http://", "http://h:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ProfileError, match="--url: "):
        address(url)


def test_addresses_are_read() -> None:
    assert (address("http://h").port, address("https://h").port) == (80, 443)
    assert address("https://h").tls is not None
    assert address("http://[::1]:8000").host == "::1"


def test_heads_are_read() -> None:
    assert content_length(b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 12") == 12
    assert content_length(b"HTTP/1.1 200 OK\r\nContent-Length: x") is None
    assert told(b"HTTP/1.1 200 OK\r\n\r\n{}") == ""
    assert told(b"HTTP/1.1 503 Busy\r\n\r\nlater") == "status 503: later"
