"""Prometheus is away while the load changes: pods are asked what they count."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scraped import Scraped, ScrapedWorld
from tests.control.world import model_deployment
from trimtab.control.caches import Caches
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics
from trimtab.observe.pod_counts import Counts

PORT = 8002


class Fleet(ScrapedWorld):
    """Pods that count what arrives, and a Prometheus that scrapes them until it is down."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = 250.0
        self.asked: list[str] = []
        self.hung: set[str] = set()
        self._counted: dict[str, float] = {}
        kube: Any = self.kube
        self.loop = Loop(self.loop.settings, kube, self.prometheus, Caches(), Metrics(), pods=self)
        scaling = {"minReplicas": 1, "maxReplicas": 12, "scaleDown": {"stabilization": "30s"}}
        self.kube.put(model_deployment(scaling=scaling))
        self.scraped = Scraped(self.kube, lambda _: self.rate, self.now_s)
        self.prometheus.series = self.scraped.series

    async def counts(self, address: str, model: str) -> Counts | None:
        """What the pod at that address has answered since it was first asked."""
        self.asked.append(address)
        if address in self.hung:
            return None
        total = self._counted.get(address, 0.0) + 5.0 * self.rate / len(self.addresses)
        self._counted[address] = total
        return Counts(success=total, items=total)

    @property
    def addresses(self) -> list[str]:
        """Of all pods."""
        pods = [o for (kind, _, _), o in self.kube.objects.items() if kind == "Pod"]
        return [f"{pod['status']['podIP']}:{PORT}" for pod in pods]

    def run_pods(self) -> None:
        """Pods stay: what they counted is theirs."""
        self.run_pods_that_stay()


@pytest.fixture
async def fleet() -> Fleet:
    fleet = Fleet()
    sizes = await fleet.live(20)
    assert sizes[-1] > 2
    return fleet


async def test_a_burst_while_prometheus_is_away_is_met(fleet: Fleet) -> None:
    before = (await fleet.live(1))[-1]
    fleet.prometheus.down = True
    assert set(await fleet.live(3)) == {before}
    fleet.rate *= 2.0
    # A pod that is new counts for nothing until it was asked for ten seconds.
    assert (await fleet.live(8))[-1] >= 2 * before - 1
    assert fleet.conditions()["MetricsAvailable"] == ("False", "PrometheusUnreachable")


async def test_a_lull_while_prometheus_is_away_takes_nothing(fleet: Fleet) -> None:
    before = (await fleet.live(1))[-1]
    fleet.prometheus.down = True
    fleet.rate = 1.0
    assert set(await fleet.live(30)) == {before}


async def test_a_pod_that_hangs_makes_the_load_no_smaller(fleet: Fleet) -> None:
    before = (await fleet.live(1))[-1]
    fleet.prometheus.down = True
    fleet.hung = set(fleet.addresses[:1])
    assert set(await fleet.live(12)) == {before}


async def test_who_can_read_asks_no_pod(fleet: Fleet) -> None:
    await fleet.live(3)
    assert fleet.asked == []
    fleet.prometheus.down = True
    await fleet.live(3)
    # Of the first blind tick nobody had known.
    assert len(fleet.asked) == 2 * len(fleet.addresses)
    fleet.prometheus.down = False
    await fleet.live(1)
    fleet.asked.clear()
    await fleet.live(3)
    assert fleet.asked == []
    assert fleet.conditions()["MetricsAvailable"] == ("True", "MetricsFound")


async def test_the_condition_says_what_the_fleet_may_grow_on(fleet: Fleet) -> None:
    fleet.prometheus.down = True
    await fleet.live(20)  # a message is told with the figures, once a minute
    (told,) = [
        c["message"]
        for c in fleet.kube.find_one("ModelDeployment")["status"]["conditions"]
        if c["type"] == "MetricsAvailable"
    ]
    assert "its pods are asked what arrives" in told


async def test_a_plan_does_not_speak_of_less_than_arrives(fleet: Fleet) -> None:
    """With two of three pods asked it would say two thirds of the load."""
    fleet.prometheus.down = True
    fleet.hung = set(fleet.addresses[:1])
    await fleet.live(4)
    plan = await fleet.loop.tick(fleet.now_s + 5.0)
    (model,) = plan.models.values()
    assert model.decision.demand_rate is None
