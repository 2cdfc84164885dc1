"""A whole run against a server on this machine, and what is said where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.profile.triton_server import TritonServer
from trimtab.profile import watch
from trimtab.profile.errors import ProfileError
from trimtab.profile.report import Report
from trimtab.profile.run import Ask, profile


@contextmanager
def no_bar(words: str, steps: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> TritonServer:
    monkeypatch.setattr(watch, "IDLE_S", 0.0)
    return TritonServer()


async def run(server: TritonServer, **changes: object) -> Report:
    async with server.running() as url:
        ask = Ask(url=url, model="digits", batches=(1,), seconds=0.5)
        given = {k: f"{url}{v}" if k.endswith("url") else v for k, v in changes.items()}
        return await profile(replace(ask, **given), no_bar)  # type: ignore[arg-type]


async def test_a_server_is_profiled(server: TritonServer) -> None:
    report = await run(server, metrics_url="/metrics")
    assert report.server == "triton 2.51.0"
    assert report.model.version == "10"
    assert report.points[0].seconds.value == pytest.approx(0.002)
    assert report.capacity.rate > 0
    assert len(report.loads) == 3
    assert dict(report.gauges) == {"CPU utilisation, %": 50.0}


async def refused(server: TritonServer, says: str, **changes: object) -> None:
    with pytest.raises(ProfileError, match=says):
        await run(server, **changes)
    assert server.items == 0, "it was asked before all was checked"


async def test_no_server(server: TritonServer) -> None:
    async with server.running() as url:
        pass
    with pytest.raises(ProfileError, match=f"no server answers at {url} .*8000 by default"):
        await profile(Ask(url=url, model="digits"), no_bar)


async def test_no_triton(server: TritonServer) -> None:
    server.answers["/v2"] = (404, "nginx")
    await refused(server, r"answers, but not as Triton does \(GET /v2: status 404\)")


async def test_no_statistics(server: TritonServer) -> None:
    server.answers["/v2"] = (200, {"extensions": ["model_configuration"]})
    await refused(server, "has no extension 'statistics': it has model_configuration")


async def test_an_unknown_model(server: TritonServer) -> None:
    await refused(server, "has no model 'digit'; it has: digits, xor", model="digit")


async def test_a_model_that_is_not_ready(server: TritonServer) -> None:
    await refused(server, r"'xor' is not ready \(UNAVAILABLE: no memory\)", model="xor")


async def test_an_unknown_version(server: TritonServer) -> None:
    await refused(server, "'digits' has no version '3'; it has: 10", version="3")


async def test_without_an_index_it_says_what_it_knows(server: TritonServer) -> None:
    del server.answers["/v2/repository/index"]
    await refused(server, "'xor' is not ready at http.*is it loaded", model="xor")


async def test_a_batch_beyond_the_largest(server: TritonServer) -> None:
    await refused(server, "32 is more than 16", batches=(32,))


async def test_metrics_that_are_not_there(server: TritonServer) -> None:
    await refused(server, "--metrics-url: .* answers status 404", metrics_url="/nothing")


async def test_traffic_of_others(server: TritonServer) -> None:
    server.busy = 3
    with pytest.raises(ProfileError, match=r"other traffic: .*--force"):
        await run(server)
