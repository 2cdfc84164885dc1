"""Every right of the chart is used, and no other is asked for: by the API server's audit log, which
is the embedded cluster's. Plays last: what was asked for is of the whole session."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from e2e.kit.access import Access, wait_for
from e2e.kit.install import NAMESPACE, RELEASE, Images, install_trimtab
from e2e.kit.rights import Audit, Right, granted, rules_of
from e2e.kit.served import Stage
from e2e.security.others import POLICY, ROUTE
from e2e.security.scene import check, hand

# What cannot come to pass in this session, and why it is needed all the same.
NEVER_HERE: dict[Right, str] = {}


@pytest.fixture(scope="module")
def played(secured: Stage, audit: Audit | None) -> Audit:
    """Every way in which trimtab comes to ask for something, once; the rest of the session may have
    done so before."""
    if audit is None:
        pytest.skip("the audit log is the embedded cluster's")
    secured.put(compressed(secured, attempt=0))
    wait_for("a Job", lambda: len(secured.get("jobs")["items"]) == 1, seconds=60)
    first = secured.get("jobs")["items"][0]["metadata"]["name"]
    secured.put(compressed(secured, attempt=1))

    def another() -> bool:
        left = [job["metadata"]["name"] for job in secured.get("jobs")["items"]]
        return len(left) == 1 and left != [first]

    wait_for("the Job to make way for another", another, seconds=60)
    secured.put(secured.digits(scaling=hand("int8"), outputCheck=check("checked-sample")))

    def moved() -> bool:
        kinds = ("deployments", "configmaps", "podmonitors.monitoring.coreos.com")
        left = [secured.get(k, "-l", "trimtab.dev/variant=fp32")["items"] for k in kinds]
        return not any(left)

    wait_for("the old variant and all of it to go", moved, seconds=240)
    route_and_back(secured)
    return audit


def route_and_back(stage: Stage) -> None:
    """A model behind a Gateway, then behind a Service again. What a controller of Gateways says of
    its route is said in its place: none runs here."""
    scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": 1}
    parent = {"name": "edge", "namespace": stage.namespace}
    behind = {"type": "Gateway", "parentRef": parent}
    stage.put(stage.digits("routed", scaling=scaling, routing=behind))
    wait_for("a route", lambda: bool(stage.get(ROUTE)["items"]), seconds=120)
    told = {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller", "parentRef": parent}
    status = json.dumps({"status": {"parents": [told]}})
    stage.kubectl("patch", ROUTE, "routed", "--type=merge", "-p", status)
    wait_for("a policy", lambda: bool(stage.get(POLICY)["items"]), seconds=60)
    stage.put(stage.digits("routed", scaling=scaling))

    def gone() -> bool:
        return not stage.get(ROUTE)["items"] and not stage.get(POLICY)["items"]

    wait_for("both to go", gone, seconds=120)


def compressed(stage: Stage, attempt: int) -> dict[str, Any]:
    """Its Job never runs, for want of its claim: that it is there is all that counts."""
    compression = {
        "source": {"persistentVolumeClaim": {"claimName": "none", "path": "source"}},
        "model": "model.py",
        "workers": 2,
        "acceleratorClass": "cpu-quarter",
        "output": {"claimName": "none", "path": "compressed"},
        "recipes": {"variants": [{"name": "half", "precision": "bf16"}]},
        "attempt": attempt,
    }
    scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": 1}
    return stage.digits("compressed", scaling=scaling, compression=compression)


def rendered(access: Access, audit: Audit) -> list[Any]:
    """The rules that the installed chart gives the operator's account."""
    manifest = access.helm("get", "manifest", RELEASE, "--namespace", NAMESPACE)
    objects = [each for each in yaml.safe_load_all(manifest) if each]
    found = list(rules_of(objects, audit.account.rpartition(":")[2]))
    assert found
    return found


def test_nothing_that_it_asked_for_was_denied(played: Audit) -> None:
    assert played.denied() == set()


def test_every_right_of_the_chart_was_used(secured: Stage, played: Audit) -> None:
    """No wildcard, and nothing that trimtab never asks for."""
    rights = set(granted(rendered(secured.access, played)))
    assert not [right for right in rights if "*" in right]
    assert not [right for right in rights if right.resource == "secrets"]
    used = played.used()
    unused = rights - used - NEVER_HERE.keys()
    assert not unused, f"granted and never used: {', '.join(sorted(map(str, unused)))}"
    assert not used - rights, "used by another grant than the chart's"
    assert not used & NEVER_HERE.keys(), "used here after all: no reason to leave it out"


def test_with_roles_in_namespaces_alone_nothing_is_denied_either(
    secured: Stage, images: Images, prometheus: str, values: list[str], played: Audit
) -> None:
    before = operator_pods(secured)
    scope = ("--set", "rbac.scope=namespaces", "--set", f"namespaces={{{secured.namespace}}}")
    install_trimtab(secured.access, images, prometheus, *values, *scope)
    secured.put(secured.digits("narrow", scaling=hand("int8")))
    secured.await_condition("Ready", "True", name="narrow", seconds=120)
    pods = operator_pods(secured) - before
    assert pods, "other roles, and so another config, and so another pod"
    now = played.of_pods(*pods)
    assert now.denied() == set()
    by_namespace = set(granted(rendered(secured.access, played)))
    assert by_namespace >= now.used() > set()
    assert Right("", "namespaces", "watch") in now.used()
    assert_refused(secured.access, f"--as={played.account}")


def operator_pods(stage: Stage) -> set[str]:
    """Names of the operator's pods, those on their way out included."""
    return {pod["metadata"]["name"] for pod in stage.operator.all_pods()}


def assert_refused(access: Access, account: str) -> None:
    """What a stolen token of the operator's would not do."""
    for what, namespace in (
        ("list deployments", "default"),
        ("get secrets", NAMESPACE),
        ("create pods/exec", NAMESPACE),
        ("create rolebindings", NAMESPACE),
    ):
        can = ("auth", "can-i", *what.split(), "-n", namespace, account)
        assert access.kubectl(*can, check=False).startswith("no"), what
