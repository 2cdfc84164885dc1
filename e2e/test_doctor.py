"""`trimtab doctor` says nothing on a sound install, and finds what is broken, with its mend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.kit.access import Access, wait_for
from e2e.kit.command import trimtab
from e2e.kit.install import NAMESPACE, RELEASE, Images, install_prometheus
from e2e.kit.served import Stage

CRD = "acceleratorclasses.trimtab.dev"
FIELD = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/maxReplicas"
CLASS = "e2e-doctor"

Finding = dict[str, str]


@pytest.fixture(scope="module")
def healthy(stage: Stage) -> Stage:
    """One model that serves."""
    stage.put(stage.digits("healthy", scaling={"minReplicas": 1, "maxReplicas": 1}))
    stage.await_condition("Ready", "True", name="healthy", seconds=240)
    stage.await_condition("MetricsAvailable", "True", name="healthy", seconds=60)
    return stage


def in_pod(stage: Stage, *arguments: str) -> str:
    """What it prints in the operator's pod of this namespace alone: a cluster may hold models of
    others, with troubles of their own. Exit code 1 is no failure of the command."""
    command = f"trimtab doctor -n {stage.namespace} {' '.join(arguments)} || test $? = 1"
    return stage.operator.exec(stage.operator.name(), "sh", "-c", command)


def findings(stage: Stage, *arguments: str) -> list[Finding]:
    return list(json.loads(in_pod(stage, "-o json", *arguments))["findings"])


def from_here(stage: Stage, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of the command on this machine."""
    done = trimtab("doctor", "-o", "json", "-n", stage.namespace, *arguments)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def await_sound(stage: Stage) -> None:
    """Waits until there is no finding; TimeoutError names those that stay."""
    found: list[Finding] = []

    def sound() -> bool:
        found[:] = findings(stage)
        return not found

    wait_for("a sound install", sound, seconds=60, told=lambda: found)


def about(found: list[Finding], check: str) -> str:
    """Everything that the findings of a check say."""
    return "\n".join(" ".join(f.values()) for f in found if f["check"] == check)


def test_a_sound_install_has_no_finding(healthy: Stage) -> None:
    await_sound(healthy)
    said = in_pod(healthy).splitlines()
    assert len(said) == 1, said
    assert said[0].startswith("Nothing is wrong. Checked: settings, CRDs, rights of trimtab-system")
    assert "the way to the pods, Prometheus at http" in said[0]


def test_from_a_laptop_the_rest_is_sound_too(healthy: Stage, access: Access) -> None:
    code, report = from_here(healthy, "--kubeconfig", str(access.kubeconfig))
    assert (code, report["findings"]) == (0, [])
    assert {left["check"] for left in report["leftOut"]} == {
        "settings and Lease",
        "rights",
        "the way to the pods",
        "Prometheus",
    }


def test_a_prometheus_that_is_not_there(healthy: Stage) -> None:
    said = about(findings(healthy, "--prometheus http://127.0.0.1:1"), "Prometheus")
    assert "http://127.0.0.1:1 cannot be reached" in said
    assert "Set prometheus.url" in said


def test_what_is_declared_and_cannot_be(healthy: Stage) -> None:
    """A class without price and nodes, a Gateway and a budget that are not there, another's HPA."""
    with planted(healthy, *faults(healthy)):
        found = findings(healthy)
    classes = about(found, "classes")
    assert "spec.pricePerHour" in classes
    assert "No node that takes pods matches its nodeSelector" in classes
    assert "InferenceBudget 'nobody', which does not exist" in about(found, "budgets")
    assert "HorizontalPodAutoscaler foreign also scales its" in about(found, "autoscalers")
    gateway = about(found, "gateway")
    assert "this cluster has no HTTPRoute" in gateway or "No controller has taken" in gateway


def faults(stage: Stage) -> Iterator[dict[str, Any]]:
    """Objects of users, each with what is wrong with it."""
    yield {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": CLASS},
        "spec": {"resources": {"cpu": "250m"}, "nodeSelector": {"e2e-doctor": "nowhere"}},
    }
    model = stage.digits("planted")
    (int8,) = (v for v in model["spec"]["variants"] if v["name"] == "int8")
    yield stage.digits(
        "planted",
        scaling={"mode": "Advise"},
        budgetRef={"name": "nobody"},
        routing={"type": "Gateway", "parentRef": {"name": "nowhere"}},
        variants=[{**int8, "acceleratorClasses": [CLASS], "profile": []}],
    )
    deployments = stage.get("deployments", "-l", "trimtab.dev/model-deployment=healthy")
    target = {"apiVersion": "apps/v1", "kind": "Deployment"}
    target["name"] = deployments["items"][0]["metadata"]["name"]
    yield {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "foreign", "namespace": stage.namespace},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 1},
    }


@contextmanager
def planted(stage: Stage, *objects: dict[str, Any]) -> Iterator[None]:
    """The objects, gone afterwards."""
    try:
        for obj in objects:
            stage.put(obj)
        yield
    finally:
        for obj in objects:
            name = (obj["kind"].lower(), obj["metadata"]["name"])
            stage.kubectl("delete", *name, "--ignore-not-found", "--wait=false")


def test_a_crd_of_an_older_version(healthy: Stage, access: Access) -> None:
    crd = access.json("crd", CRD)
    version = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    field = version["properties"]["spec"]["properties"]["maxReplicas"]
    patch = ("patch", "crd", CRD, "--type=json", "-p")
    access.kubectl(*patch, json.dumps([{"op": "remove", "path": FIELD}]))
    try:

        def found() -> bool:
            return "spec.maxReplicas" in about(findings(healthy), "CRDs")

        wait_for("the CRD to be served so", found, seconds=60)
    finally:
        access.kubectl(*patch, json.dumps([{"op": "add", "path": FIELD, "value": field}]))
    await_sound(healthy)


def test_rights_that_were_cut(
    healthy: Stage, access: Access, images: Images, tmp_path: Path
) -> None:
    """Of another account, by which the operator is not disturbed."""
    role = access.json("clusterrole", f"{NAMESPACE}-{RELEASE}")
    for rule in role["rules"]:
        if rule["resources"] == ["deployments"]:
            rule["verbs"] = [verb for verb in rule["verbs"] if verb != "patch"]
    name = f"{healthy.namespace}-doctor"
    account = {"kind": "ServiceAccount", "name": "doctor", "namespace": healthy.namespace}
    rbac = "rbac.authorization.k8s.io"
    with planted(
        healthy,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "doctor", "namespace": healthy.namespace},
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": role["rules"],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [account],
        },
    ):
        kubeconfig = kubeconfig_of(healthy, tmp_path)
        config = settings_file(tmp_path, install_prometheus(access, images))
        code, report = from_here(healthy, "--kubeconfig", kubeconfig, "--config", config)
    said = about(report["findings"], "rights")
    assert code == 1
    assert "It may not patch deployments.apps" in said
    assert f"account {healthy.namespace}:doctor" in said
    # It leads nothing, and so has no right on the Lease; all others are the chart's.
    rest = [f for f in report["findings"] if "deployments.apps" not in f["says"]]
    assert {f["check"] for f in rest} == {"rights"}
    assert all("leases" in f["says"] for f in rest)


def kubeconfig_of(stage: Stage, folder: Path) -> str:
    """A file by which the account of that name is asked for."""
    token = stage.kubectl("create", "token", "doctor").strip()
    config = yaml.safe_load(stage.access.kubeconfig.read_text())
    (context,) = config["contexts"]
    config["users"] = [{"name": context["context"]["user"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def settings_file(folder: Path, url: str, **read_by: str) -> str:
    """The operator's place, with windows so short that a pod need not be old to be missed."""
    path = folder / "config.yaml"
    prometheus = {"url": url, "fastWindow": "10s", "longWindow": "10s", **read_by}
    lease = {"namespace": NAMESPACE, "name": RELEASE}
    config = {"prometheus": prometheus, "lease": lease, "instance": "default"}
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_series_without_the_label_that_is_read(
    healthy: Stage, access: Access, images: Images, tmp_path: Path
) -> None:
    url = install_prometheus(access, images)
    config = settings_file(tmp_path, url, podLabel="kubernetes_pod")
    given = ("--kubeconfig", str(access.kubeconfig), "--config", config)

    def said() -> str:
        return about(from_here(healthy, *given)[1]["findings"], "scraping")

    # Not at once: of a pod that has just become Ready, again or first, nothing is said yet.
    what = "lack the label kubernetes_pod (prometheus.podLabel)"
    wait_for("the label to be missed", lambda: what in said(), seconds=60)
    assert "Set prometheus.podLabel to pod" in said()


def test_a_model_that_triton_does_not_export(
    healthy: Stage, access: Access, images: Images, tmp_path: Path
) -> None:
    """Its pods go on when their ModelDeployment is made anew under another model's name."""
    healthy.kubectl("delete", "modeldeployment", "healthy", "--cascade=orphan")
    advise = {"mode": "Advise"}
    healthy.put(healthy.digits("healthy", model="numbers", scaling=advise))
    config = settings_file(tmp_path, install_prometheus(access, images))
    given = ("--kubeconfig", str(access.kubeconfig), "--config", config)

    def said() -> str:
        return about(from_here(healthy, *given)[1]["findings"], "models")

    what = "export models digits, and not spec.model 'numbers'"
    wait_for("the model to be missed", lambda: what in said(), seconds=60)
