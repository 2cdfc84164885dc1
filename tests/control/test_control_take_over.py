"""Two operators on one cluster: what the second does, and what it knows when it is its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.control.scrape import scraped
from tests.control.world import World, model_deployment
from trimtab.actuate.client_errors import Unavailable
from trimtab.actuate.fence import NotLeading
from trimtab.core.plan import Plan


async def decided(world: World, anew: bool) -> None:
    """Leads until one decision was made."""
    done, tick = asyncio.Event(), world.loop.tick

    async def once(now_s: float) -> Plan:
        plan = await tick(now_s)
        done.set()
        return plan

    world.loop.tick = once  # type: ignore[method-assign]
    leading = asyncio.create_task(world.loop.lead(anew))
    await done.wait()
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    world.loop.tick = tick  # type: ignore[method-assign]


@pytest.fixture
def world() -> World:
    found = World()
    found.kube.put(model_deployment())
    found.prometheus.past = lambda _: 50.0
    return found


async def test_the_first_decision_comes_after_a_listing(world: World) -> None:
    """The watches of one that stood by may have missed something."""
    await decided(world, anew=True)
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_fails_requests_waits_for_no_other_news(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setattr("trimtab.control.loop._BURST_S", 3600.0)
    ticks, tick = 0, world.loop.tick

    async def counted(now_s: float) -> Plan:
        nonlocal ticks
        plan = await tick(now_s)
        ticks += 1
        return plan

    world.loop.tick = counted  # type: ignore[method-assign]
    leading = asyncio.create_task(world.loop.lead(anew=True))
    await turns(until=lambda: ticks == 1)
    world.loop.wake(at_once=at_once)
    await turns(until=lambda: ticks == 2)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    assert ticks == (2 if at_once else 1)


async def turns(until: Callable[[], bool]) -> None:
    """Turns of the event loop and of a thread, in which the past is read back, until that holds or
    no more than many were taken."""
    for _ in range(2000):
        if until():
            return
        await asyncio.to_thread(int)


async def test_nothing_is_decided_while_the_listing_fails(world: World) -> None:
    await decided(world, anew=True)
    world.kube.objects.pop(("ModelDeployment", "shop", "digits"))
    listed, failed = world.kube.list, asyncio.Event()

    async def fails(*_: object, **__: object) -> None:
        failed.set()
        raise Unavailable("GET", 503, "Unavailable", "starting")

    world.kube.list = fails  # type: ignore[method-assign, assignment]
    before = world.loop.last_tick_s
    leading = asyncio.create_task(world.loop.lead(anew=False))
    await failed.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    assert world.loop.last_tick_s == before
    world.kube.list = listed  # type: ignore[method-assign]


async def test_who_takes_over_reads_the_load_before_its_time(world: World) -> None:
    await decided(world, anew=True)
    asked = world.prometheus.asked
    assert asked
    memory = world.loop.memory
    await decided(world, anew=True)
    assert world.prometheus.asked == 2 * asked
    assert world.loop.memory is not memory


async def test_who_leads_again_after_a_short_loss_remembers(world: World) -> None:
    await decided(world, anew=True)
    asked, watched_s = world.prometheus.asked, _watched_s(world)
    await decided(world, anew=False)
    assert world.prometheus.asked == asked
    assert _watched_s(world) >= watched_s


async def test_a_lease_lost_in_a_tick_ends_it_without_a_mark(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no failure of the model, which must not be said to be refused."""

    async def fenced(*_: object, **__: object) -> None:
        raise NotLeading("not written: this operator does not hold the lease")

    world.kube.server_side_apply = fenced  # type: ignore[method-assign, assignment]
    await world.loop.sync()
    with pytest.raises(NotLeading):
        await world.loop.tick(world.now_s)
    assert world.kube.writes == []
    assert world.kube.events == []
    assert caplog.text == ""


async def test_a_replica_that_leads_no_more_shows_no_models() -> None:
    world = World()
    world.kube.put(model_deployment())
    await world.tick()
    assert 'modeldeployment="digits"' in scraped(world.loop.metrics)
    world.loop.metrics.forget_models()
    assert 'modeldeployment="digits"' not in scraped(world.loop.metrics)


def _watched_s(world: World) -> float:
    (memory,) = world.loop.memory.models.values()
    return memory.history.watched_s
