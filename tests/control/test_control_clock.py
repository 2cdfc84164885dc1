"""A clock that jumps: the operator's, while the world's goes on."""

from __future__ import annotations

import pytest

from tests.control.scraped import Scraped, ScrapedWorld
from tests.control.world import model_deployment
from trimtab.core.memory import Memory
from trimtab.observe.errors import PrometheusClockSkew
from trimtab.observe.prometheus import Sample

HOUR_S = 3600.0
QUIET, BUSY = 20.0, 250.0
# The stabilisation, and as much again for what it holds back.
LONG = 15


class Skewed(ScrapedWorld):
    """Its Prometheus goes by the time of the world, and the operator by `now_s`."""

    def answers(self, promql: str, at_s: float) -> list[Sample]:
        """As the client has it, which holds the clocks against each other."""
        ahead_s = self.scraped.now_s - at_s
        if abs(ahead_s) > 60.0:
            raise PrometheusClockSkew("http://prometheus", ahead_s)
        return self.scraped.series(promql, at_s)


@pytest.fixture
async def world() -> Skewed:
    """A fleet that has grown to a load which was a twelfth of it an hour ago."""
    world = Skewed()
    scaling = {"minReplicas": 1, "maxReplicas": 6, "scaleDown": {"stabilization": "30s"}}
    world.kube.put(model_deployment(scaling=scaling))
    busy_since_s = world.now_s - HOUR_S / 2
    world.scraped = Scraped(world.kube, lambda t: BUSY if t >= busy_since_s else QUIET, world.now_s)
    world.prometheus.series = world.answers
    await world.live(LONG)
    assert world.replicas > 2
    return world


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S, 45.0, -45.0])
async def test_a_clock_that_jumps_and_comes_back_takes_nothing_away(
    world: Skewed, jump_s: float
) -> None:
    before = world.replicas
    world.now_s += jump_s
    assert set(await world.live(LONG)) == {before}
    world.now_s -= jump_s
    assert set(await world.live(LONG)) == {before}
    assert world.conditions()["MetricsAvailable"] == ("True", "MetricsFound")


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_nor_from_an_operator_that_starts_by_a_wrong_clock(
    world: Skewed, jump_s: float
) -> None:
    before = world.replicas
    world.now_s += jump_s
    world.loop.memory = Memory()
    assert set(await world.live(LONG)) == {before}


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
async def test_what_is_too_many_goes_within_minutes_after_a_jump(
    world: Skewed, jump_s: float
) -> None:
    before = world.replicas
    world.now_s += jump_s
    await world.live(3)
    world.now_s -= jump_s
    now_s = world.scraped.now_s
    world.scraped.load = lambda t: QUIET if t > now_s else BUSY
    await world.live(3 * LONG)
    assert world.replicas < before
