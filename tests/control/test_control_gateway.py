"""A gateway's histogram through the loop: what the status says of it, and when it goes silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.control.world import World, model_deployment
from tests.core.builders import accelerator
from tests.observe.gateways import FAST as WITHIN
from tests.observe.gateways import SLOW, routed
from tests.observe.gateways import Gateway as Answers
from tests.observe.stories import NOW, Rows, pod, state
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.core.plan import Condition, Latency
from trimtab.core.snapshot import Snapshot
from trimtab.observe.prometheus import Sample
from trimtab.observe.queries import Metric

ROUTE = {"route": "shop/digits"}
GOOD: Mapping[str, float] = {"49": 900, "99": 996, "249": 1000, "+Inf": 1000}
LATE: Mapping[str, float] = {"49": 900, "99": 980, "249": 1000, "+Inf": 1000}
WIDE: Mapping[str, float] = {"50": 900, "250": 1000, "+Inf": 1000}


class Gateway:
    """Busy pods, and an Envoy before them with a histogram that the story sets; None: no series."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.buckets: Mapping[str, float] | None = GOOD
        self.newest_age_s = 2.0
        self.reads_triton = True
        world.prometheus.series = self.series

    def series(self, promql: str, at_s: float) -> list[Sample]:
        if "istio_" in promql:
            return []
        if "envoy_" in promql:
            return self._envoy(promql, at_s)
        if not self.reads_triton or "summary" in promql or "cache" in promql:
            return []
        value = _value(promql, at_s)
        labels = [
            {"namespace": ns, "pod": name, "model": "digits"}
            for kind, ns, name in self.world.kube.objects
            if kind == "Pod"
        ]
        return [Sample(row, value, at_s) for row in labels]

    def _envoy(self, promql: str, at_s: float) -> list[Sample]:
        if self.buckets is None:
            return []
        if "timestamp(" in promql:
            return [Sample(ROUTE, at_s - self.newest_age_s, at_s)]
        return [Sample({**ROUTE, "le": le}, n, at_s) for le, n in self.buckets.items()]

    def told(self) -> dict[str, Any]:
        status = self.world.kube.find_one("ModelDeployment")["status"]
        (slo,) = [c for c in status["conditions"] if c["type"] == "SLOMet"]
        return {**status["latency"], "met": slo["status"], "why": slo["reason"], **slo}


def _value(promql: str, at_s: float) -> float:
    """20 requests/s at each pod, one a batch, 10 ms each, 1 ms in the queue."""
    if "timestamp(" in promql:
        return at_s - 2.0
    if "failure" in promql or "pending" in promql:
        return 0.0
    micros = {"compute": 10_000.0, "queue": 1_000.0}
    found = re.search(r"nv_inference_(compute|queue)", promql)
    return 20.0 * (micros[found[1]] if found else 1.0)


@pytest.fixture
async def gateway() -> Gateway:
    world = World()
    own = Gateway(world)
    source = {"type": "GatewayHistogram"}
    world.kube.put(model_deployment(latencySource=source))
    await world.tick()
    world.run_pods()
    await world.tick(after_s=300.0)
    return own


async def test_the_status_names_the_gateway_and_is_exact(gateway: Gateway) -> None:
    told = gateway.told()
    assert (told["met"], told["why"]) == ("True", "LatencyWithinTarget")
    assert (told["source"], told["estimated"]) == ("GatewayHistogram (Envoy)", False)
    gateway.buckets = LATE
    await gateway.world.tick()
    assert (gateway.told()["met"], gateway.told()["why"]) == ("False", "LatencyAboveTarget")


async def test_buckets_beside_the_target_are_an_estimate_with_the_mend(gateway: Gateway) -> None:
    gateway.buckets = WIDE
    await gateway.world.tick(after_s=61.0)
    told = gateway.told()
    assert told["estimated"] is True
    assert "give it a bucket of 99 ms" in told["message"]
    status = gateway.world.kube.find_one("ModelDeployment")["status"]
    assert status["summary"]["latency"].startswith("p99 ~")


@pytest.mark.parametrize("lost", ["no series", "old samples"])
async def test_no_verdict_outlives_the_gateways_series(gateway: Gateway, lost: str) -> None:
    gateway.buckets = LATE
    await gateway.world.tick()
    assert gateway.told()["met"] == "False"
    if lost == "no series":
        gateway.buckets = None
    else:
        gateway.newest_age_s = 31.0
    await gateway.world.tick()
    told = gateway.told()
    assert told["met"] == "Unknown"
    assert told["why"] == ("NoGatewaySeries" if lost == "no series" else "LatencyUnknown")
    assert "observed" not in told
    gateway.buckets, gateway.newest_age_s = GOOD, 2.0
    await gateway.world.tick()
    assert gateway.told()["met"] == "True"


async def test_replicas_follow_the_load_whatever_the_gateway_says(gateway: Gateway) -> None:
    """The percentile is no load: a silent gateway beside counters that are read holds nothing."""
    replicas = gateway.world.kube.find_one("Deployment")["spec"]["replicas"]
    gateway.buckets = None
    for _ in range(20):
        await gateway.world.tick()
    assert gateway.world.kube.find_one("Deployment")["spec"]["replicas"] == replicas
    assert gateway.world.conditions()["MetricsAvailable"] == ("True", "MetricsFound")


def test_auto_leaves_a_gateway_that_falls_silent_and_comes_back_to_it() -> None:
    """Behind a gateway that is late, then gone, then back: each verdict is of what is read then."""
    memory, triton = Memory(), dict.fromkeys((0.5, 0.99), 0.030)
    rows = Rows()
    for name in ("a", "b"):
        rows.add(name, but={Metric.FAILURE: 0.0}, quantiles_s=triton)
    fleet = state([pod("a"), pod("b")], routed())
    told: list[tuple[Latency, Condition]] = []
    late, gone, old = Answers().envoy(SLOW), Answers(), Answers().envoy(SLOW, age_s=31.0)
    for answers in (late, gone, old, Answers().envoy(WITHIN)):
        seen = replace(fleet, readings=answers.read(fleet, rows))
        snapshot = Snapshot((seen,), {"cpu": accelerator()})
        plan, memory = decide(snapshot, memory, NOW)
        model = plan.models[fleet.spec.key]
        (slo,) = [c for c in model.conditions if c.type == "SLOMet"]
        told.append((model.latency, slo))
    assert [latency.source for latency, _ in told] == [
        "GatewayHistogram (Envoy)",
        "TritonSummary",
        "TritonSummary",
        "GatewayHistogram (Envoy)",
    ]
    assert [str(slo.status) for _, slo in told] == ["False", "True", "True", "True"]
    assert "is not used: Prometheus has no histogram of a gateway for shop/" in told[1][1].message
    assert "is not used: Its newest sample is too old" in told[2][1].message
    assert "is not used" not in told[3][1].message
