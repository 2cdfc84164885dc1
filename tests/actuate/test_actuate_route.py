"""The route of a model behind a gateway: what it lets through, whom it lists, and its policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.actuate import fleet
from tests.actuate.fleet import children_of, target_of
from trimtab.actuate.children import build_children
from trimtab.actuate.route import listed
from trimtab.actuate.service import workload_service
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment, ObjectKey, ParentRef, Routing, RoutingType
from trimtab.core.snapshot import Backend, WorkloadKey

EDGE = Routing(RoutingType.GATEWAY, ParentRef("infra", "edge"))
L4, CPU = WorkloadKey("fp32", "l4"), WorkloadKey("fp32", "cpu")
BACKENDS = (Backend(L4, 9_900), Backend(CPU, 100))


def route_of(routing: Routing = EDGE, **changes: Any) -> dict[str, Any]:
    children = children_of(routing=routing, backends=BACKENDS, **changes)
    found: dict[str, Any] = children["HTTPRoute/classifier"]
    return found


def paths_of(route: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """What each rule matches."""
    return [
        [(m["path"]["type"], m["path"]["value"]) for m in rule["matches"]]
        for rule in route["spec"]["rules"]
    ]


def test_models_on_one_gateway_take_no_request_of_another() -> None:
    """By the model's name in the path: a prefix of whole elements, so `digits` is not `digits2`."""
    route = route_of()
    assert "hostnames" not in route["spec"]
    assert paths_of(route) == [[("PathPrefix", "/v2/models/image_classifier")]]


def test_under_a_name_of_its_own_a_model_answers_for_its_server_and_grpc() -> None:
    route = route_of(replace(EDGE, hostnames=("classifier.example",)))
    assert route["spec"]["hostnames"] == ["classifier.example"]
    http, grpc = paths_of(route)
    assert ("PathPrefix", "/v2/health") in http
    assert ("PathPrefix", "/v2/models/image_classifier") in http
    assert ("Exact", "/inference.GRPCInferenceService/ModelInfer") in grpc
    ports = [[b["port"] for b in rule["backendRefs"]] for rule in route["spec"]["rules"]]
    assert ports == [[8000, 8000], [8001, 8001]]
    allowed = [value for rule in (http, grpc) for _, value in rule]
    assert not [p for p in allowed if "epository" in p or "emory" in p or "ogg" in p]


def test_the_listener_and_the_gateways_namespace_are_those_named() -> None:
    parent = ParentRef("infra", "edge", "https")
    (reference,) = route_of(replace(EDGE, parent=parent))["spec"]["parentRefs"]
    assert (reference["namespace"], reference["name"]) == ("infra", "edge")
    assert reference["sectionName"] == "https"
    (every,) = route_of()["spec"]["parentRefs"]
    assert "sectionName" not in every


def test_what_is_listed_reads_back_in_its_places() -> None:
    assert listed(route_of()) == BACKENDS
    strange = {"spec": {"rules": [{"backendRefs": [{"name": "theirs"}]}]}}
    assert listed(strange) == (Backend(WorkloadKey("", ""), 1),)
    assert listed({"spec": {}}) == ()


def test_every_place_is_a_service_that_selects_the_pods_of_its_workload_alone() -> None:
    children = children_of(fleet.IMAGE, target_of(), routing=EDGE, backends=BACKENDS)
    for reference in children["HTTPRoute/classifier"]["spec"]["rules"][0]["backendRefs"]:
        service = children[f"Service/{reference['name']}"]
        labels = {h["name"]: h["value"] for f in reference["filters"] for h in _set(f)}
        selector = service["spec"]["selector"]
        assert selector["trimtab.dev/variant"] == labels["x-trimtab-variant"]
        assert selector["trimtab.dev/accelerator-class"] == labels["x-trimtab-accelerator-class"]
        assert selector["trimtab.dev/model-deployment"] == "classifier"


def _set(filter_: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = filter_["responseHeaderModifier"]["set"]
    return found


def test_a_service_begins_with_a_letter_and_shares_no_name() -> None:
    md = replace(fleet.deployment_of(fleet.IMAGE), key=ObjectKey("shop", "3d-unet"))
    one, other = (workload_service(md, k, InstallSettings())["metadata"]["name"] for k in (L4, CPU))
    assert one[0].isalpha()
    assert one != other


def test_behind_a_service_there_is_no_route_and_before_a_backend_none_either() -> None:
    assert not [k for k in children_of(backends=BACKENDS) if "HTTPRoute" in k or "fp32-cpu" in k]
    assert not [k for k in children_of(routing=EDGE) if k.startswith("HTTPRoute")]


def test_the_route_is_written_before_pods_go_and_the_policy_after_all() -> None:
    kinds = [k.partition("/")[0] for k in children_of(routing=EDGE, backends=BACKENDS)]
    assert kinds.index("HTTPRoute") < kinds.index("Deployment")
    assert kinds[-1] == "BackendTrafficPolicy"


def policy_of(md: ModelDeployment) -> dict[str, Any]:
    plan = replace(fleet.plan_of(target_of()), backends=BACKENDS)
    children = build_children(
        md, plan, fleet.CLASSES, fleet.SETTINGS, podmonitor=False, httproute=True, policy=True
    )
    spec: dict[str, Any] = children[-1]["spec"]
    return spec


def test_a_refusal_of_a_bounded_queue_is_neither_asked_again_nor_held_against_the_pod() -> None:
    md = fleet.deployment_of(fleet.IMAGE, routing=EDGE)
    bounded = policy_of(md)
    assert "httpStatusCodes" not in bounded["retry"]["retryOn"]
    assert "consecutiveGatewayErrors" not in bounded["healthCheck"]["passive"]
    assert bounded["healthCheck"]["passive"]["consecutive5XxErrors"] > 1000
    open_ended = policy_of(replace(md, triton=replace(md.triton, max_queue_size=0)))
    assert open_ended["retry"]["retryOn"]["httpStatusCodes"] == [503]
    assert open_ended["healthCheck"]["passive"]["consecutiveGatewayErrors"] == 2
    assert "consecutive5XxErrors" not in open_ended["healthCheck"]["passive"]


def test_the_gateway_lets_as_many_wait_as_the_largest_fleet_has_on_their_way() -> None:
    """Fifty replicas of 32 in a batch have 3200, and Envoy's own limit is 1024."""
    breaker = policy_of(fleet.deployment_of(fleet.IMAGE, routing=EDGE))["circuitBreaker"]
    limits = {"maxConnections", "maxPendingRequests", "maxParallelRequests"}
    assert {name for name, limit in breaker.items() if limit >= 50 * 2 * 32} == limits
