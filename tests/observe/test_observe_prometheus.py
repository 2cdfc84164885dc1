"""The client against a real HTTP server on this machine that behaves as Prometheus and worse."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from trimtab.observe.errors import (
    PrometheusClockSkew,
    PrometheusCredentialsUnreadable,
    PrometheusError,
    PrometheusMalformed,
    PrometheusQueryError,
    PrometheusRefused,
    PrometheusTimeout,
    PrometheusUnreachable,
)
from trimtab.observe.prometheus import (
    GET_LIMIT,
    ClientSettings,
    PrometheusClient,
    Sample,
    open_client,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def vector(*rows: tuple[dict[str, str], Any]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [1000.5, value]} for labels, value in rows]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@asynccontextmanager
async def serving(handler: Handler, path: str = "/api/v1/query") -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", path, handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.port}"


@asynccontextmanager
async def client_of(
    handler: Handler, *, prefix: str = "", userinfo: str = "", **settings: Any
) -> AsyncIterator[PrometheusClient]:
    async with serving(handler, f"{prefix}/api/v1/query") as address:
        url = address.replace("http://", f"http://{userinfo}") + prefix
        async with open_client(ClientSettings(url, **settings)) as client:
            yield client


def answering(payload: Any, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(payload, status=status)

    return handler


def saying(text: str, status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return handler


async def error_of(handler: Handler, **settings: Any) -> PrometheusError:
    async with client_of(handler, **settings) as client:
        with pytest.raises(PrometheusError) as caught:
            await client.query("up", 1000.5)
        assert client.shown_url in caught.value.message
        assert caught.value.reason == type(caught.value).__name__
        return caught.value


async def test_a_vector_becomes_samples() -> None:
    async with client_of(answering(vector(({"pod": "a"}, "1.5"), ({"pod": "b"}, "0")))) as client:
        assert await client.query("up", 1000.5) == [
            Sample({"pod": "a"}, 1.5, 1000.5),
            Sample({"pod": "b"}, 0.0, 1000.5),
        ]


async def test_a_scalar_is_one_sample_without_labels() -> None:
    payload = {"status": "success", "data": {"resultType": "scalar", "result": [7, "2"]}}
    async with client_of(answering(payload)) as client:
        assert await client.query("2", 7) == [Sample({}, 2.0, 7.0)]


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_number_is_kept_apart(value: str) -> None:
    async with client_of(answering(vector(({}, value), ({"pod": "b"}, "3")))) as client:
        answer = await client.answer("up", 1000.5)
    assert [s.value for s in answer.samples] == [3.0]
    assert len(answer.no_numbers) == 1


@pytest.mark.parametrize("length", [10, GET_LIMIT, GET_LIMIT + 1, 50_000])
async def test_long_queries_arrive_whole(length: int) -> None:
    seen: list[tuple[str, str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        form = request.query if request.method == "GET" else await request.post()
        seen.append((request.method, str(form["query"]), str(form["time"])))
        return web.json_response(vector())

    query = "u" * length
    async with client_of(handler) as client:
        await client.query(query, 1700000000.25)
    assert seen == [("GET" if length <= GET_LIMIT else "POST", query, "1700000000.250")]


async def test_a_path_prefix_is_kept() -> None:
    async with client_of(answering(vector()), prefix="/tenant/prometheus") as client:
        assert await client.query("up", 0) == []
        assert client.shown_url.endswith("/tenant/prometheus")


async def test_headers_and_a_rotating_token(tmp_path: Path) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.headers.get("Authorization"), request.headers.get("X-Scope-OrgID")))
        return web.json_response(vector())

    file = tmp_path / "token"
    file.write_text("first\n")
    headers = {"X-Scope-OrgID": "shop"}
    async with client_of(handler, bearer_token_file=file, headers=headers) as client:
        await client.query("up", 0)
        file.write_text("second")
        await client.query("up", 0)
    assert seen == [("Bearer first", "shop"), ("Bearer second", "shop")]


async def test_credentials_in_the_url_are_sent_and_never_shown() -> None:
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    problem = await error_of(handler, userinfo="reader:s3cret@")
    assert seen == ["Basic cmVhZGVyOnMzY3JldA=="]
    assert "s3cret" not in problem.message
    assert "reader" not in problem.message


@pytest.mark.parametrize("content", [None, "", " \n", b"\xff\xfe"])
async def test_an_unusable_token_file_sends_nothing(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    problem = await error_of(saying("never asked", 500), bearer_token_file=file)
    assert isinstance(problem, PrometheusCredentialsUnreadable)


async def test_a_token_of_two_lines_is_an_error_that_keeps_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\ntwo")
    problem = await error_of(answering(vector()), bearer_token_file=file)
    assert isinstance(problem, PrometheusUnreachable)
    assert "s3cret" not in problem.message


async def test_a_query_that_is_no_text_is_an_error_of_its_own() -> None:
    async with client_of(answering(vector())) as client:
        with pytest.raises(PrometheusUnreachable):
            await client.query("up\ud800", 0)


async def test_prometheus_own_error() -> None:
    body = {"status": "error", "errorType": "bad_data", "error": "parse error at char 3"}
    problem = await error_of(answering(body, 400))
    assert isinstance(problem, PrometheusQueryError)
    assert problem.error_type == "bad_data"
    assert "parse error at char 3" in problem.message


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "bearerTokenFile"), (403, "may not"), (404, "path prefix"), (500, "log"), (503, "log")],
)
async def test_refusals_name_the_mend(status: int, word: str) -> None:
    problem = await error_of(saying("<html>", status))
    assert isinstance(problem, PrometheusRefused)
    assert problem.status == status
    assert word in problem.message


async def test_a_refusal_wrapped_in_json_is_a_refusal() -> None:
    problem = await error_of(answering({"status": "error", "error": "no token"}, 401))
    assert isinstance(problem, PrometheusRefused)


async def test_redirects_are_not_followed() -> None:
    """Following would hand the token to whoever the redirect names."""
    handler = saying("", 302, Location="http://login.example/start?state=abc")
    problem = await error_of(handler)
    assert isinstance(problem, PrometheusRefused)
    assert "login.example" in problem.message
    assert "abc" not in problem.message


GARBAGE = [
    "",
    "<html>welcome</html>",
    "[1, 2]",
    "null",
    "[" * 100_000,
    '{"status": "success"}',
    '{"status": "success", "data": []}',
    json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}),
    json.dumps({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}}),
    json.dumps({"status": "success", "data": {"resultType": "vector", "result": {}}}),
    json.dumps({"status": "success", "data": {"resultType": "vector", "result": [7]}}),
    json.dumps({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}),
    json.dumps(vector(({}, "twelve"))),
    json.dumps(vector(({}, None))),
    json.dumps(vector(({"pod": 3}, "1"))),  # type: ignore[dict-item]
]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_malformed_and_never_empty(text: str) -> None:
    assert isinstance(await error_of(saying(text)), PrometheusMalformed)


async def test_gzip_is_understood() -> None:
    async def handler(request: web.Request) -> web.Response:
        packed = gzip.compress(json.dumps(vector(({}, "1"))).encode())
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with client_of(handler) as client:
        assert len(await client.query("up", 0)) == 1


async def test_broken_gzip_is_malformed() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"not gzip", headers={"Content-Encoding": "gzip"})

    assert isinstance(await error_of(handler), PrometheusMalformed)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_huge_answer_is_cut_off(packed: bool) -> None:
    async def handler(request: web.Request) -> web.Response:
        body = b" " * 5_000_000
        if not packed:
            return web.Response(body=body)
        return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})

    problem = await error_of(handler, max_body_bytes=100_000)
    assert isinstance(problem, PrometheusMalformed)
    assert "100000 bytes" in problem.message


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
async def test_a_clock_that_is_far_off_makes_its_answers_those_of_another_time(
    ahead_s: float,
) -> None:
    date = format_datetime(datetime.fromtimestamp(time.time() + ahead_s, UTC), usegmt=True)
    error = await error_of(saying(json.dumps(vector(({}, "1"))), Date=date))
    assert isinstance(error, PrometheusClockSkew)
    way = "3600 s ahead of trimtab's" if ahead_s > 0 else "3600 s behind trimtab's"
    assert way in error.message.replace("3599", "3600").replace("3601", "3600")


@pytest.mark.parametrize("date", ["", "yesterday"])
async def test_who_has_no_clock_is_read_all_the_same(date: str) -> None:
    async with client_of(saying(json.dumps(vector(({}, "1"))), Date=date)) as client:
        assert len(await client.query("up", 1000.5)) == 1


async def test_silence_is_a_timeout() -> None:
    gate = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    async with client_of(handler, timeout_s=0.02) as client:
        with pytest.raises(PrometheusTimeout):
            await client.query("up", 0)
        gate.set()


async def test_a_body_that_never_ends_is_a_timeout() -> None:
    gate = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"status":')
        await gate.wait()
        return response

    async with client_of(handler, timeout_s=0.05) as client:
        with pytest.raises(PrometheusTimeout):
            await client.query("up", 0)
        gate.set()


async def test_a_connection_cut_in_mid_answer() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.close()
        return response

    problem = await error_of(handler)
    assert isinstance(problem, PrometheusMalformed | PrometheusUnreachable)


async def test_nobody_there() -> None:
    with socket.socket() as held:  # bound and not listening: nobody else can take the port
        held.bind(("127.0.0.1", 0))
        url = f"http://user:s3cret@127.0.0.1:{held.getsockname()[1]}"
        async with open_client(ClientSettings(url)) as client:
            with pytest.raises(PrometheusUnreachable) as caught:
                await client.query("up", 0)
    assert "127.0.0.1" in caught.value.message
    assert "s3cret" not in caught.value.message


class Nowhere(AbstractResolver):
    """A DNS that knows no name."""

    async def resolve(self, host: str, *_: Any, **__: Any) -> list[ResolveResult]:
        raise OSError("Name or service not known")

    async def close(self) -> None:
        """Nothing is held."""


async def test_a_name_without_an_address_is_told_from_a_server_that_is_down() -> None:
    connector = aiohttp.TCPConnector(resolver=Nowhere())
    async with aiohttp.ClientSession(connector=connector) as session:
        client = PrometheusClient(ClientSettings("http://prometheus.monitorin:9090"), session)
        with pytest.raises(PrometheusUnreachable) as caught:
            await client.query("up", 0)
    assert "http://SERVICE.NAMESPACE:9090" in caught.value.mend
    assert caught.value.message.endswith(f"{caught.value.mend}.")


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://host", "http://", "/just/a/path"])
async def test_a_wrong_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"http\(s\)://"):
        async with open_client(ClientSettings(url)):
            raise AssertionError("the URL was taken")


@pytest.mark.parametrize("at", ["NaN", "Infinity", "1" + "0" * 400])
async def test_a_sample_at_no_time_is_refused(at: str) -> None:
    """Python's JSON reads NaN, and a whole number of any length: neither is a time."""
    instant = f'{{"metric": {{}}, "value": [{at}, "1"]}}'
    series = f'{{"metric": {{}}, "values": [[{at}, "1"]]}}'

    async def handler(request: web.Request) -> web.Response:
        kind, row = ("matrix", series) if "range" in request.path else ("vector", instant)
        head = f'{{"status": "success", "data": {{"resultType": "{kind}", "result": [{row}]}}}}'
        return web.Response(text=head)

    async with client_of(handler) as client:
        with pytest.raises(PrometheusMalformed, match="a sample has a wrong shape"):
            await client.query("up", 1000.5)
    async with (
        serving(handler, "/api/v1/query_range") as address,
        open_client(ClientSettings(address)) as client,
    ):
        with pytest.raises(PrometheusMalformed, match="a series has a wrong shape"):
            await client.range("up", 0.0, 10.0, 5.0)
