"""Accelerator classes and the nodes for them. One fault at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.control.world import accelerator_class, model_deployment, node, variant
from tests.doctor.install import Install, operator_pod
from trimtab.control.doctor.finding import Severity


async def test_a_class_without_a_price(install: Install) -> None:
    install.kube.put(accelerator_class(price=None))
    found = await install.finding()
    assert (found.severity, found.subject) == (Severity.ERROR, "AcceleratorClass cpu")
    assert "no price" in found.says
    assert "spec.pricePerHour" in found.mend


async def test_of_a_class_that_no_model_names_it_is_a_warning(install: Install) -> None:
    install.kube.put(accelerator_class("spare", price=None))
    assert (await install.finding()).severity is Severity.WARNING


def gpu(**spec: Any) -> dict[str, Any]:
    made = accelerator_class("gpu")
    made["spec"] |= spec
    return made


def pod_of_others(cpu: str) -> dict[str, Any]:
    made = operator_pod("elsewhere", "x", "other")
    made["metadata"]["labels"] = {}
    made["spec"] = {"nodeName": "n1", "containers": [{"resources": {"requests": {"cpu": cpu}}}]}
    return made


@pytest.mark.parametrize(
    ("spec", "says", "mend"),
    [
        ({"nodeSelector": {"gpu": "l4"}}, "its nodeSelector (gpu: l4) and", "spec.nodeSelector"),
        ({"resources": {"nvidia.com/gpu": "1"}}, "(nvidia.com/gpu: 1), even empty", "Allocatable"),
        ({"resources": {"cpu": "9"}}, "(cpu: 9), even empty", "spec.resources"),
        ({"resources": {"cpu": "8"}}, "Others fill its nodes: no replica (cpu: 8)", "Add nodes"),
    ],
)
async def test_a_class_that_no_node_takes(
    install: Install, spec: dict[str, Any], says: str, mend: str
) -> None:
    install.kube.put(gpu(**spec))
    install.kube.put(pod_of_others(cpu="1"))
    found = await install.finding()
    assert found.subject == "AcceleratorClass gpu"
    assert says in found.says
    assert mend in found.mend


async def test_nodes_that_trimtab_itself_fills_are_no_fault(install: Install) -> None:
    full = install.kube.find_one("Node")
    full["status"]["allocatable"]["pods"] = "1"
    install.kube.touch(full)
    assert await install.findings() == ()


async def test_nodes_that_others_fill_while_a_replica_waits(install: Install) -> None:
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = install.kube.find_one("Pod")
    pod["spec"].pop("nodeName")
    pod["status"] = {"phase": "Pending", "conditions": [waits]}
    install.kube.put(pod_of_others(cpu="8"))
    found = await install.finding()
    assert (found.severity, found.subject) == (Severity.WARNING, "AcceleratorClass cpu")
    assert "Others fill its nodes: no replica (cpu: 250m) fits." in found.says


NOWHERE: dict[str, Any] = {"nodeSelector": {"gpu": "l4"}, "maxReplicas": 8}


@pytest.mark.parametrize(
    ("waits_s", "severity"), [(60.0, Severity.WARNING), (900.0, Severity.ERROR)]
)
async def test_nodes_that_an_autoscaler_adds_are_waited_for(
    install: Install, waits_s: float, severity: Severity
) -> None:
    """A declared maxReplicas is trusted over the nodes that are there."""
    made = accelerator_class()
    install.kube.put({**made, "spec": {**made["spec"], **NOWHERE}})
    pod = install.kube.find_one("Pod")
    since = datetime.fromtimestamp(install.now_s - waits_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pod["metadata"]["creationTimestamp"] = since
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod["status"] = {"phase": "Pending", "conditions": [waits]}
    found = await install.finding()
    assert (found.severity, found.subject) == (severity, "AcceleratorClass cpu")
    assert found.says.endswith(", unless an autoscaler of nodes adds one.")


async def test_a_class_whose_nodes_are_all_cordoned(install: Install) -> None:
    install.kube.put({**node(), "spec": {"unschedulable": True}})
    found = await install.finding()
    assert found.severity is Severity.ERROR
    assert "No node that takes pods" in found.says


async def test_a_class_that_does_not_exist(install: Install) -> None:
    two = [variant("int8"), {**variant("fp32", "0.99"), "acceleratorClasses": ["tpu"]}]
    two[1].pop("profile")
    install.kube.put(model_deployment(variants=two))
    found = await install.finding()
    assert found.subject == "AcceleratorClass tpu"
    assert "does not exist, and shop/digits would run on it" in found.says
