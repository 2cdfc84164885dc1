"""Models behind a gateway: what the route lists, how it changes, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.control.world import World, model_deployment, variant
from trimtab.actuate import kinds

ENVOY = "gateway.envoyproxy.io/gatewayclass-controller"
EDGE = {"type": "Gateway", "parentRef": {"name": "edge", "namespace": "infra"}}


@pytest.fixture
def world() -> World:
    world = World()
    world.kube.installed = {"HTTPRoute"}
    world.prometheus.idle(world.kube)
    return world


def take(world: World, controller: str = ENVOY, **refusals: tuple[str, str]) -> None:
    """The gateway's controller sees every route as it stands; `refusals`: by condition type."""
    for (kind, _, _), route in world.kube.objects.items():
        if kind == "HTTPRoute":
            route["status"] = {"parents": [told(route, controller, refusals)]}
            world.kube.touch(route)


def told(
    route: dict[str, Any], controller: str, refusals: dict[str, tuple[str, str]]
) -> dict[str, Any]:
    conditions = []
    for type_ in ("Accepted", "ResolvedRefs"):
        reason, message = refusals.get(type_, (type_, "as it should be"))
        conditions.append(
            {
                "type": type_,
                "status": "False" if type_ in refusals else "True",
                "reason": reason,
                "message": message,
                "observedGeneration": route["metadata"]["generation"],
            }
        )
    return {
        "parentRef": {"name": "edge", "namespace": "infra"},
        "controllerName": controller,
        "conditions": conditions,
    }


def weights(world: World) -> list[tuple[str, int]]:
    """Backends and weights of the only route."""
    rules = world.kube.find_one("HTTPRoute")["spec"]["rules"]
    return [(b["name"], b["weight"]) for b in rules[0]["backendRefs"]]


def replicas(world: World) -> dict[str, int]:
    return {
        name: world.kube.objects["Deployment", "shop", name]["spec"]["replicas"]
        for name in world.kube.names("Deployment")
    }


async def served(world: World, *variants: str, **spec: Any) -> None:
    """A model behind the gateway whose pods are Ready and whose route was taken."""
    made = [variant(name) for name in variants]
    world.kube.put(model_deployment(routing=EDGE, variants=made, **spec))
    await world.tick()
    take(world)
    world.run_pods()
    await world.tick()


async def test_a_model_gets_a_route_and_a_settled_one_no_writes(world: World) -> None:
    await served(world, "int8")
    assert weights(world) == [("digits-int8-cpu", 10_000)]
    assert world.kube.names("Service") == ["digits", "digits-headless", "digits-int8-cpu"]
    await world.tick(after_s=120.0)
    for _ in range(3):
        assert await world.tick(after_s=120.0) == []
    assert world.conditions()["Ready"] == ("True", "Serving")
    assert world.conditions()["Reconciling"] == ("False", "Settled")
    status = world.kube.find_one("ModelDeployment")["status"]
    assert [(v["name"], v["weight"]) for v in status["variants"]] == [("int8", 100)]


async def test_a_switch_moves_the_weight_then_the_place_then_the_pods(world: World) -> None:
    """The old variant is gone from the spec: only what the cluster shows tells of it."""
    await served(world, "fp32")
    world.kube.put(model_deployment(routing=EDGE, variants=[variant("int8")]))
    await world.tick()
    assert weights(world) == [("digits-fp32-cpu", 10_000)], "its successor is not Ready"
    world.run_pods()
    await world.tick()
    assert weights(world) == [("digits-fp32-cpu", 10_000), ("digits-int8-cpu", 1)]
    take(world)
    await world.tick()
    assert weights(world) == [("digits-fp32-cpu", 1), ("digits-int8-cpu", 10_000)]
    assert replicas(world) == {"digits-fp32-cpu": 1, "digits-int8-cpu": 1}
    await world.tick()
    assert weights(world)[0] == ("digits-fp32-cpu", 1), "the gateway has not taken that yet"
    assert replicas(world)["digits-fp32-cpu"] == 1
    assert world.conditions()["Reconciling"][0] == "True"
    take(world)
    writes = await world.tick()
    assert weights(world) == [("digits-int8-cpu", 1), ("digits-int8-cpu", 10_000)]
    assert replicas(world)["digits-fp32-cpu"] == 0
    assert writes.index("HTTPRoute/") < writes.index("Deployment/")
    take(world)
    await world.tick()
    assert weights(world) == [("digits-int8-cpu", 10_000), ("digits-int8-cpu", 1)]
    take(world)
    world.run_pods()
    await world.tick()
    assert weights(world) == [("digits-int8-cpu", 10_000)]
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]
    assert world.kube.names("Service") == ["digits", "digits-headless", "digits-int8-cpu"]


async def test_a_restart_in_the_middle_goes_on_from_what_the_cluster_shows(world: World) -> None:
    await served(world, "fp32")
    world.kube.put(model_deployment(routing=EDGE, variants=[variant("int8")]))
    await world.tick()
    world.run_pods()
    for _ in range(6):
        successor = World()
        successor.kube, successor.now_s = world.kube, world.now_s
        successor.loop.kube = successor.loop.actor._kube = world.kube  # type: ignore[assignment]
        successor.prometheus.idle(world.kube)
        world = successor
        before = replicas(world).get("digits-fp32-cpu", 0)
        await world.tick()
        listed = dict(weights(world))
        after = replicas(world).get("digits-fp32-cpu", 0)
        assert after == before or "digits-fp32-cpu" not in listed
        assert min(listed.values()) >= 1
        take(world)
        world.run_pods()
    assert weights(world) == [("digits-int8-cpu", 10_000)]


async def test_back_to_a_service_the_route_goes_and_the_pods_stay(world: World) -> None:
    world.kube.installed.add("BackendTrafficPolicy")
    await served(world, "int8")
    assert world.kube.names("BackendTrafficPolicy") == ["digits"]
    world.kube.put(model_deployment(variants=[variant("int8")]))
    writes = await world.tick()
    assert world.kube.names("HTTPRoute") == world.kube.names("BackendTrafficPolicy") == []
    assert world.kube.names("Service") == ["digits", "digits-headless"]
    assert writes.index("HTTPRoute/delete") < writes.index("Service/delete")
    assert replicas(world) == {"digits-int8-cpu": 1}


async def test_only_envoy_gateway_is_told_of_retries(world: World) -> None:
    world.kube.installed.add("BackendTrafficPolicy")
    await served(world, "int8")
    assert world.kube.names("BackendTrafficPolicy") == ["digits"]
    take(world, "example.net/another-controller")
    await world.tick()
    assert world.kube.names("BackendTrafficPolicy") == []


async def test_without_the_gateway_api_pods_run_and_the_mend_is_said(world: World) -> None:
    world.kube.installed = set()
    await served(world, "int8")
    assert world.conditions()["Ready"] == ("False", "GatewayApiMissing")
    assert world.conditions()["Stalled"] == ("True", "GatewayApiMissing")
    assert replicas(world) == {"digits-int8-cpu": 1}
    world.kube.installed = {"HTTPRoute"}
    await world.tick()
    assert weights(world) == [("digits-int8-cpu", 10_000)]


async def test_a_gateway_api_that_is_installed_later_is_seen_long_before_all_is_listed_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr("trimtab.control.loop.time", clock)
    world.kube.installed = set()
    await world.loop.sync()
    world.kube.installed = {"HTTPRoute"}
    assert not world.loop.caches.knows(kinds.HTTP_ROUTE)
    now_s += 35.0
    await world.loop._sync_if_due()
    assert world.loop.caches.knows(kinds.HTTP_ROUTE)


async def test_a_gateway_that_is_not_there_is_said_and_not_called_hopeless(world: World) -> None:
    world.kube.put(model_deployment(routing=EDGE))
    await world.tick()
    world.run_pods()
    await world.tick()
    assert world.conditions()["Ready"] == ("False", "RouteNotTaken")
    assert world.conditions()["Stalled"] == ("False", "Progressing")
    status = world.kube.find_one("ModelDeployment")["status"]
    assert "see that Gateway infra/edge exists" in status["conditions"][0]["message"]
    take(world)
    await world.tick()
    assert world.conditions()["Ready"] == ("True", "Serving")


async def test_a_route_that_is_refused_is_said_with_the_mend_and_scales_on(world: World) -> None:
    await served(world, "int8")
    take(world, Accepted=("NotAllowedByListeners", "no listener allows it"))
    world.kube.put(model_deployment(routing=EDGE, scaling={"minReplicas": 2, "maxReplicas": 4}))
    await world.tick()
    assert world.conditions()["Ready"] == ("False", "RouteNotAccepted")
    assert world.conditions()["Stalled"] == ("True", "RouteNotAccepted")
    status = world.kube.find_one("ModelDeployment")["status"]
    assert "Let allowedRoutes of the Gateway's listener admit" in status["conditions"][0]["message"]
    assert replicas(world) == {"digits-int8-cpu": 2}
    take(world, ResolvedRefs=("BackendNotFound", "Service not found"))
    await world.tick()
    assert world.conditions()["Ready"] == ("False", "RouteNotResolved")
    assert world.conditions()["Stalled"] == ("False", "Progressing")


async def test_somebody_elses_route_of_that_name_is_left_alone(world: World) -> None:
    theirs = {"parentRefs": [{"name": "edge"}]}
    world.kube.put(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "digits", "namespace": "shop", "uid": "somebody"},
            "spec": theirs,
        }
    )
    world.kube.put(model_deployment(routing=EDGE))
    await world.tick()
    assert world.conditions()["Stalled"] == ("True", "NameTaken")
    assert world.kube.find_one("HTTPRoute")["spec"] == theirs


async def test_a_route_that_cannot_be_written_costs_no_pod(world: World) -> None:
    await served(world, "fp32")
    world.kube.put(model_deployment(routing=EDGE, variants=[variant("int8")]))
    await world.tick()
    world.run_pods()
    world.kube.refuse = {"HTTPRoute"}
    for _ in range(4):
        await world.tick()
    assert world.conditions()["Stalled"] == ("True", "ApplyRefused")
    assert replicas(world)["digits-fp32-cpu"] == 1


async def test_an_edit_of_the_route_is_taken_back(world: World) -> None:
    await served(world, "int8")
    route = world.kube.find_one("HTTPRoute")
    route["spec"]["rules"][0]["backendRefs"][0]["weight"] = 0
    world.kube.put(route)
    await world.tick()
    assert weights(world) == [("digits-int8-cpu", 10_000)]


async def test_a_twin_on_the_same_gateway_is_told_that_the_older_one_answers(world: World) -> None:
    await served(world, "int8")
    world.kube.put(model_deployment("twin", routing=EDGE))
    for key, since in (("digits", "2026-01-01T00:00:00Z"), ("twin", "2026-01-02T00:00:00Z")):
        await world.tick()
        route = world.kube.objects["HTTPRoute", "shop", key]
        route["metadata"]["creationTimestamp"] = since
    take(world)
    world.run_pods()
    await world.tick()
    assert world.conditions("digits")["Ready"] == ("True", "Serving")
    assert world.conditions("twin")["Stalled"] == ("True", "RouteShadowed")
    own = {**EDGE, "hostnames": ["twin.models.example"]}
    world.kube.put(model_deployment("twin", routing=own))
    await world.tick()
    take(world)
    await world.tick()
    assert world.conditions("twin")["Ready"] == ("True", "Serving")


async def test_a_controller_that_is_gone_holds_nothing_up(world: World) -> None:
    await served(world, "int8")
    route = world.kube.find_one("HTTPRoute")
    left = told(route, "example.net/removed-since", {})
    world.kube.put(model_deployment(routing={**EDGE, "hostnames": ["digits.models.example"]}))
    await world.tick()
    take(world, Accepted=("NoMatchingListenerHostname", "no listener has it"))
    route = world.kube.find_one("HTTPRoute")
    route["status"]["parents"].append(left)
    world.kube.touch(route)
    await world.tick()
    assert world.conditions()["Ready"] == ("False", "RouteNotAccepted")
    assert world.conditions()["Reconciling"] == ("False", "Settled")
