"""An API server that refuses for a while: nothing is lost, hammered or harmed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
from aiohttp import web

from tests.control.api_server import KubeOverHttp
from tests.control.world import World, model_deployment
from trimtab.actuate.client_errors import ApiError
from trimtab.control.caches import Caches
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics

TICKS = 6


@pytest.fixture
async def served() -> AsyncIterator[tuple[World, KubeOverHttp]]:
    """A loop whose client speaks HTTP to the fake cluster, and a settled model."""
    world = World()
    world.kube.put(model_deployment(scaling={"minReplicas": 2, "maxReplicas": 4}))
    async with KubeOverHttp(world.kube) as server, server.client() as client:
        old = world.loop
        world.loop = Loop(old.settings, client, old.prometheus, Caches(), Metrics())
        await world.tick()
        world.run_pods()
        yield world, server


async def live(world: World, ticks: int) -> None:
    """So many ticks, as the loop's own run has them: what cannot be listed is as it was."""
    for _ in range(ticks):
        world.now_s += 5.0
        with suppress(ApiError):
            await world.loop.sync()
        await world.loop.tick(world.now_s)


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "TooManyRequests"), (409, "Conflict"), (503, "ServiceUnavailable")]
)
async def test_refused_writes_are_tried_again_each_tick_and_not_more_often(
    served: tuple[World, KubeOverHttp], status: int, reason: str
) -> None:
    world, server = served
    server.storm = lambda method, path: (
        answer(status, reason) if method != "GET" and not path.endswith("/status") else None
    )
    world.kube.put(model_deployment(scaling={"minReplicas": 3, "maxReplicas": 4}))
    server.asked.clear()
    await live(world, TICKS)
    writes = [path for method, path in server.asked if method != "GET"]
    # The first child that is refused, each time, and what there is to say.
    assert TICKS <= len(writes) <= 2 * TICKS
    assert world.kube.find_one("Deployment")["spec"]["replicas"] == 2
    # It passes, so nobody is called to mend it.
    assert world.conditions()["Stalled"] == ("False", "Progressing")
    server.storm = lambda _method, _path: None
    await live(world, 1)
    assert world.kube.find_one("Deployment")["spec"]["replicas"] == 3


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_listings_that_are_refused_change_nothing(
    served: tuple[World, KubeOverHttp], status: int
) -> None:
    world, server = served
    await live(world, 2)
    known = world.loop.memory.models.keys()
    server.storm = lambda method, _: answer(status, "Busy") if method == "GET" else None
    server.asked.clear()
    await live(world, TICKS)
    assert {method for method, _ in server.asked} == {"GET"}
    # An operator that took what it cannot list for gone would have forgotten its load.
    assert world.loop.memory.models.keys() == known


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_listing_that_is_refused_keeps_no_decision_from_being_made(
    served: tuple[World, KubeOverHttp],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, server = served
    now_s = 0.0
    monkeypatch.setattr("trimtab.control.loop.time", SimpleNamespace(monotonic=lambda: now_s))
    await world.loop.sync()
    server.storm = lambda method, _: answer(status, "Busy") if method == "GET" else None
    now_s = world.loop.settings.resync_s
    await world.loop._sync_if_due()  # what raises here is all that this tick comes to
    assert "the listing is tried again" in caplog.text


async def test_every_other_answer_is_a_refusal_and_all_gets_done(
    served: tuple[World, KubeOverHttp],
) -> None:
    world, server = served
    turns = iter(range(10_000))
    server.storm = lambda method, _: (
        answer(429, "TooManyRequests") if method != "GET" and next(turns) % 2 else None
    )
    world.kube.put(model_deployment("another"))
    await live(world, 2 * TICKS)
    assert len(world.kube.names("Deployment")) == 2


def answer(status: int, reason: str) -> web.Response:
    """A Status, as the API server sends with an error."""
    body = {"kind": "Status", "code": status, "reason": reason, "message": "later"}
    return web.json_response(body, status=status, headers={"Retry-After": "1"})
