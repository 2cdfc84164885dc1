"""A restart does not forget what Prometheus still knows of the load."""

from __future__ import annotations

import logging

import pytest

from tests.control.world import World, model_deployment
from trimtab.core.forecast import History

BURST_S = 994_000.0


def two_bursts(t_s: float) -> float:
    """Half an hour apart, the last an hour and a half before the story begins."""
    return 400.0 if any(0.0 <= t_s - BURST_S - s < 300.0 for s in (0.0, 1800.0)) else 50.0


def history_of(world: World) -> History:
    (memory,) = world.loop.memory.models.values()
    return memory.history


@pytest.fixture
def world() -> World:
    found = World()
    found.kube.put(model_deployment())
    return found


async def test_the_bursts_before_a_restart_are_known_after_it(world: World) -> None:
    world.prometheus.past = two_bursts
    await world.tick()
    history = history_of(world)
    assert [round(o.at_s) for o in history.onsets] == [994_005, 995_805]
    assert history.watched_s == pytest.approx(6 * 3600, abs=20)
    assert {r.period_s for r in history.recurrences if r.hits} >= {1800.0}


async def test_the_past_is_asked_for_once(world: World) -> None:
    world.prometheus.past = two_bursts
    for _ in range(3):
        await world.tick()
    first = world.prometheus.asked
    await world.tick()
    assert world.prometheus.asked == first


async def test_what_cannot_be_read_is_asked_for_again_a_minute_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.prometheus.past, world.prometheus.down = two_bursts, True
    with caplog.at_level(logging.WARNING):
        await world.tick()
        await world.tick()
    assert "the load before this start is not known yet" in caplog.text
    assert world.prometheus.asked == 1
    assert world.kube.names("Deployment")
    world.prometheus.down = False
    await world.tick(after_s=60.0)
    assert history_of(world).onsets


async def test_without_a_past_the_loop_goes_on(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(world.prometheus, "range", fails)
    with caplog.at_level(logging.WARNING):
        await world.tick()
    assert "the load before this start is not known yet: no answer in time" in caplog.text
    assert world.kube.names("Deployment")
