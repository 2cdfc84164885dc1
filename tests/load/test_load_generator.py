"""The generator against a real server on this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from e2e.load import Endpoint, Limits, Report, Second, TensorSpec, calls_for, run, summarise
from tests.load.server import GOOD, Server, Stall

# Two readings of two clocks are not one.
SLACK_S = 0.01
CALLS = calls_for("m", "127.0.0.1", TensorSpec())


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as server:
        yield server


def endpoint(port: int) -> Endpoint:
    return Endpoint.parse(f"http://127.0.0.1:{port}")


def evenly(rate: float, duration_s: float) -> list[float]:
    return [index / rate for index in range(int(rate * duration_s))]


def errors(report: Report) -> set[str]:
    return {result.error for result in report.results}


async def test_every_request_has_a_connection_of_its_own(server: Server) -> None:
    report = await run(evenly(200, 0.2), endpoint(server.port), CALLS)
    assert summarise(report.results).failed == 0
    assert server.connections == len(report.results) == 40
    assert all(result.latency_s > 0 for result in report.results)


async def test_a_stall_of_the_server_shows_in_every_request_scheduled_during_it(
    server: Server,
) -> None:
    """The proof that coordinated omission is avoided.

    A closed loop would send one request into the stall of 0.3 s and count one slow answer. Here
    some 60 were due meanwhile, and each must have waited for what was left of the stall.
    """
    server.stall(after_s=0.1, for_s=0.3)
    report = await run(evenly(200, 0.6), endpoint(server.port), CALLS)
    assert summarise(report.results).failed == 0
    begin_s, end_s = _within(report, server.stalled)
    during = [result for result in report.results if begin_s < result.scheduled_s < end_s]
    assert len(during) >= 55
    for result in during:
        assert result.latency_s >= end_s - result.scheduled_s - SLACK_S


async def test_a_stall_of_the_generator_itself_counts_and_is_named(server: Server) -> None:
    """Latency runs from the scheduled time also when this process was late; `lag_s` owns up."""
    stall = Stall()
    asyncio.get_running_loop().call_later(0.1, stall.sleep, 0.2)
    report = await run(evenly(100, 0.4), endpoint(server.port), CALLS)
    begin_s, end_s = _within(report, stall)
    during = [result for result in report.results if begin_s < result.scheduled_s < end_s]
    assert len(during) >= 15
    for result in during:
        assert result.latency_s >= result.lag_s >= end_s - result.scheduled_s - SLACK_S


def _within(report: Report, stall: Stall) -> tuple[float, float]:
    return stall.begin_s - report.started_at_s, stall.end_s - report.started_at_s


async def test_seconds_account_for_everything(server: Server) -> None:
    seconds: list[Second] = []
    await run(evenly(100, 0.3), endpoint(server.port), CALLS, on_second=seconds.append)
    assert sum(second.sent for second in seconds) == sum(second.ok for second in seconds) == 30
    assert seconds[-1].in_flight == 0


async def test_a_connection_that_came_at_once_costs_no_patience(server: Server) -> None:
    server.answer = None
    (result,) = (await run([0.0], endpoint(server.port), CALLS, limits=Limits(0.25, 0.4))).results
    assert result.error == "timeout"
    assert result.latency_s == pytest.approx(0.4, abs=0.05)


async def test_a_refused_connection_is_a_failure_with_its_name() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        report = await run([0.0, 0.01], endpoint(unused.getsockname()[1]), CALLS)
    assert errors(report) == {"connection refused"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, "timeout"),
        (b"", "closed without answer"),
        (GOOD[:-4], "closed early"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "answer without Content-Length"),
        (b"SSH-2.0-what are you doing here\r\n\r\n", "answer is not HTTP"),
    ],
)
async def test_what_goes_wrong_is_named(server: Server, answer: bytes | None, error: str) -> None:
    server.answer = answer
    report = await run(
        [0.0, 0.01], endpoint(server.port), CALLS, limits=Limits(connect_s=0.1, total_s=0.2)
    )
    assert errors(report) == {error}


async def test_stopping_early_sends_no_more_and_waits_for_what_is_in_flight(
    server: Server,
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    report = await run(evenly(100, 60), endpoint(server.port), CALLS, stop=stop)
    assert 1 <= len(report.results) <= 20
    assert errors(report) == {""}


async def test_cancelling_leaves_no_request_behind(server: Server) -> None:
    server.answer = None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run(evenly(100, 60), endpoint(server.port), CALLS), 0.1)


@pytest.mark.parametrize("url", ["https://h:1", "h:1", "http://", "http://h:1/v2"])
def test_an_endpoint_is_host_and_port_alone(url: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        Endpoint.parse(url)


async def test_a_refused_connection_is_tried_again_only_where_that_is_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    patient = Limits(connect_retries=2)
    once = await run([0.0], endpoint(port), CALLS)
    thrice = await run([0.0], endpoint(port), CALLS, limits=patient)
    for report, retries in ((once, 0), (thrice, 2)):
        assert errors(report) == {"connection refused"}
        assert summarise(report.results).connect_retries == retries


async def test_a_second_try_that_succeeds_is_no_failure_and_its_wait_is_latency() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)
        await writer.drain()

    patient = Limits(connect_retries=20)
    running = asyncio.create_task(run([0.0], endpoint(port), CALLS, limits=patient))
    await asyncio.sleep(0.06)
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        (result,) = (await running).results
    assert result.error == ""
    assert result.retries >= 1
    assert result.latency_s >= 0.05
