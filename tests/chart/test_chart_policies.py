"""NetworkPolicies as a policy engine reads them: who reaches whom, by the labels pods have.

No engine runs here: what is held is what is rendered.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.actuate import fleet
from tests.actuate.fleet import only_deployment
from tests.actuate.test_actuate_job import children as of_compression
from tests.chart.conftest import CHART, Object, Render

NAME = "kubernetes.io/metadata.name"
Labels = dict[str, str]
Pod = tuple[str, Labels]  # its namespace and its labels

GATEWAY: Pod = ("envoy-gateway-system", {"app": "envoy"})
PROMETHEUS: Pod = ("monitoring", {"app": "prometheus"})
CLIENT: Pod = ("shop", {"app": "web"})
STRANGER: Pod = ("elsewhere", {"app": "web"})


def of_namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {NAME: name}}}


def selects(selector: Object, labels: Labels) -> bool:
    """An empty selector selects all."""
    assert selector.keys() <= {"matchLabels"}
    wanted: Labels = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def lets(policy: Object, peer: Pod, port: str) -> bool:
    """Whether a pod that the policy selects may be reached at that port by that peer."""
    namespace, labels = peer

    def is_peer(given: Object) -> bool:
        if "namespaceSelector" in given:
            near = selects(given["namespaceSelector"], {NAME: namespace})
        else:
            near = namespace == policy["metadata"]["namespace"]
        return near and selects(given.get("podSelector", {}), labels)

    return any(
        port in [p["port"] for p in rule["ports"]]
        and ("from" not in rule or any(is_peer(given) for given in rule["from"]))
        for rule in policy["spec"]["ingress"]
    )


def policies(objects: list[Object]) -> dict[str, Object]:
    found = [each for each in objects if each["kind"] == "NetworkPolicy"]
    return {f"{p['metadata']['namespace']}/{p['metadata']['name']}": p for p in found}


def labels_of(template: Any) -> Labels:
    return dict(template["metadata"]["labels"])


@pytest.fixture
def objects(render: Render) -> list[Object]:
    """Two namespaces; clients come through a gateway."""
    peers = {
        "clients": [of_namespace("envoy-gateway-system")],
        "scrapers": [of_namespace("monitoring")],
    }
    return render(
        namespaces=["shop", "search"], models={"networkPolicy": {"enabled": True, **peers}}
    )


def operator_of(objects: list[Object]) -> Pod:
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    return "trimtab-system", labels_of(deployment["spec"]["template"])


def test_every_served_namespace_has_one_and_it_is_of_models_alone(objects: list[Object]) -> None:
    found = policies(objects)
    assert found.keys() == {"shop/trimtab-models", "search/trimtab-models"}
    triton = labels_of(only_deployment(fleet.children_of())["spec"]["template"])
    worker = labels_of(of_compression()["Job"]["spec"]["template"])
    for policy in found.values():
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        assert selects(policy["spec"]["podSelector"], triton)
        assert not selects(policy["spec"]["podSelector"], worker)
        assert not selects(policy["spec"]["podSelector"], CLIENT[1])


def test_clients_ask_prometheus_scrapes_and_the_operator_checks(objects: list[Object]) -> None:
    policy = policies(objects)["shop/trimtab-models"]
    operator = operator_of(objects)
    may = {
        (who, port)
        for who, pod in {
            "gateway": GATEWAY,
            "prometheus": PROMETHEUS,
            "operator": operator,
            "client": CLIENT,
            "stranger": STRANGER,
            "impostor": ("elsewhere", operator[1]),
        }.items()
        for port in ("http", "grpc", "metrics")
        if lets(policy, pod, port)
    }
    assert may == {
        ("gateway", "http"),
        ("gateway", "grpc"),
        ("prometheus", "metrics"),
        ("operator", "http"),
        ("operator", "metrics"),
    }


def test_the_policy_of_the_docs_is_the_charts(objects: list[Object]) -> None:
    """For installs that serve all namespaces, where the chart cannot make it."""
    (block,) = [b for b in yaml_blocks() if "kind: NetworkPolicy" in b]
    shown = yaml.safe_load(block)["spec"]
    made = policies(objects)["shop/trimtab-models"]["spec"]
    operator = made["ingress"][1]["from"][0]["podSelector"]["matchLabels"]
    assert operator.pop("app.kubernetes.io/instance") == "trimtab"
    assert shown == made


def yaml_blocks() -> list[str]:
    text = (CHART.parents[1] / "SECURITY.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_without_named_clients_the_models_own_namespace_may_ask(render: Render) -> None:
    scrapers = {"enabled": True, "scrapers": [of_namespace("monitoring")]}
    objects = render(namespaces=["shop"], models={"networkPolicy": scrapers})
    (policy,) = policies(objects).values()
    assert lets(policy, CLIENT, "http")
    assert lets(policy, CLIENT, "grpc")
    assert not lets(policy, CLIENT, "metrics")
    assert not lets(policy, STRANGER, "http")


def test_the_named_ports_are_those_of_the_pods(objects: list[Object]) -> None:
    """A policy with a name that no container has lets nothing through."""
    pod = only_deployment(fleet.children_of())["spec"]["template"]["spec"]
    named = {port["name"] for port in pod["containers"][0]["ports"]}
    for policy in policies(objects).values():
        asked = {p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]}
        assert asked == named == {"http", "grpc", "metrics"}


def test_the_operator_is_scraped_by_whom_the_values_name(render: Render) -> None:
    everyone = render(networkPolicy={"enabled": True})
    (policy,) = policies(everyone).values()
    assert lets(policy, STRANGER, "http")
    named = render(networkPolicy={"enabled": True, "scrapers": [of_namespace("monitoring")]})
    (policy,) = policies(named).values()
    assert lets(policy, PROMETHEUS, "http")
    assert not lets(policy, STRANGER, "http")
    assert selects(policy["spec"]["podSelector"], operator_of(named)[1])
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_the_operators_way_out_reaches_models_and_no_other_pod_at_their_port(
    render: Render,
) -> None:
    (policy,) = policies(render(networkPolicy={"enabled": True})).values()
    (to_models,) = [rule for rule in policy["spec"]["egress"] if "to" in rule]
    (peer,) = to_models["to"]
    triton = labels_of(only_deployment(fleet.children_of())["spec"]["template"])
    assert selects(peer["podSelector"], triton)
    assert not selects(peer["podSelector"], STRANGER[1])
