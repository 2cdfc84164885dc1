"""What users get wrong and what others do: a condition says so, and the rest goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.kit.access import wait_for
from e2e.kit.served import Stage
from tests.api.manifest_cases import BadManifest, bad_manifests


@pytest.fixture(scope="module")
def healthy(stage: Stage) -> Stage:
    """One model that serves while others are in trouble."""
    stage.put(stage.digits("healthy"))
    stage.await_condition("Ready", "True", name="healthy", seconds=240)
    return stage


def await_reason(stage: Stage, kind: str, name: str, told: tuple[str, str]) -> None:
    """Waits for a condition to have this status and this reason."""
    wait_for(f"{name}: {kind} {told}", lambda: stage.condition(kind, name) == told, seconds=30)


def variants(stage: Stage, **changed: Any) -> list[dict[str, Any]]:
    """The int8 variant with fields replaced."""
    model = stage.digits()
    return [{**v, **changed} for v in model["spec"]["variants"] if v["name"] == "int8"]


def test_a_class_that_does_not_exist(healthy: Stage) -> None:
    absent = variants(healthy, acceleratorClasses=["tpu"], profile=[])
    healthy.put(healthy.digits("no-class", variants=absent))
    await_reason(healthy, "Stalled", "no-class", ("True", "NoVariantMayRun"))


def test_a_budget_that_does_not_exist_fails_closed(healthy: Stage) -> None:
    spec = {"budgetRef": {"name": "nobody"}}
    healthy.put(healthy.digits("no-budget", **spec))
    await_reason(healthy, "WithinBudget", "no-budget", ("Unknown", "BudgetMissing"))
    assert healthy.replicas("no-budget") == 0


def test_a_host_path_is_refused_with_the_value_that_would_allow_it(healthy: Stage) -> None:
    source = {"hostPath": {"path": "/srv/models"}}
    healthy.put(healthy.digits("from-the-node", variants=variants(healthy, source=source)))
    await_reason(healthy, "Stalled", "from-the-node", ("True", "SourceRefused"))
    text = healthy.kubectl("get", "md", "from-the-node", "-o", "yaml")
    assert "models.allowHostPath" in text


@pytest.mark.parametrize("manifest", bad_manifests("operator"), ids=str)
def test_what_the_api_server_cannot_know_is_in_the_status(
    healthy: Stage, manifest: BadManifest
) -> None:
    """Each of these is well formed, and cannot be served: the status names what is wrong."""
    documents = manifest.documents()
    for document in documents:
        if document["kind"] != "AcceleratorClass":
            document["metadata"]["namespace"] = healthy.namespace
        healthy.put(document)
    name = next(d["metadata"]["name"] for d in documents if d["kind"] == "ModelDeployment")

    def told() -> bool:
        return manifest.expect in json.dumps(healthy.status(name))

    try:
        wait_for(f"{name}: a status that says {manifest.expect!r}", told, seconds=45)
    finally:
        for document in documents:
            healthy.kubectl(
                *("delete", document["kind"].lower(), document["metadata"]["name"]),
                *("--ignore-not-found", "--wait=false"),
            )


def test_a_foreign_autoscaler_stops_us_and_not_the_model(healthy: Stage) -> None:
    deployment = healthy.get("deployments", "-l", "trimtab.dev/model-deployment=healthy")
    target = deployment["items"][0]["metadata"]["name"]
    healthy.put(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "foreign", "namespace": healthy.namespace},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                "minReplicas": 1,
                "maxReplicas": 3,
            },
        }
    )
    await_reason(healthy, "Stalled", "healthy", ("True", "ForeignScaler"))
    healthy.kubectl("delete", "hpa", "foreign")
    healthy.await_condition("Stalled", "False", name="healthy", seconds=30)


def test_manual_mode_obeys_the_scale_subresource(healthy: Stage) -> None:
    manual = {"variant": "int8", "acceleratorClass": "cpu-quarter", "replicas": 1}
    spec = {"scaling": {"mode": "Manual", "manual": manual}}
    healthy.put(healthy.digits("by-hand", **spec))
    healthy.await_condition("Ready", "True", name="by-hand", seconds=120)
    healthy.kubectl("scale", "md/by-hand", "--replicas=2")
    wait_for("two replicas", lambda: healthy.replicas("by-hand") == 2, seconds=20)
    healthy.kubectl("delete", "md", "by-hand")


def test_a_pod_monitor_is_made_where_the_kind_exists(healthy: Stage) -> None:
    healthy.access.apply(POD_MONITOR_CRD)
    try:
        # Found at the next full listing, or at once by an operator that starts.
        healthy.kill_operator()
        healthy.await_operator()
        wait_for(
            "a PodMonitor",
            lambda: bool(healthy.get("podmonitors.monitoring.coreos.com")["items"]),
            seconds=60,
        )
        monitor = healthy.get("podmonitors.monitoring.coreos.com")["items"][0]
        assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"
    finally:
        healthy.access.kubectl("delete", "crd", "podmonitors.monitoring.coreos.com")


def test_after_all_that_the_healthy_one_serves(healthy: Stage) -> None:
    assert healthy.condition("Ready", "healthy")[0] == "True"
    status = healthy.operator.pods()[0]["status"]
    assert status["containerStatuses"][0]["restartCount"] == 0


POD_MONITOR_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podmonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: PodMonitor, listKind: PodMonitorList, plural: podmonitors, singular: podmonitor}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
