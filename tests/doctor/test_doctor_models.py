"""Models: scalers, gateways, budgets, compression. One fault at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.world import model_deployment
from tests.doctor.install import GATEWAY, Install, routed
from trimtab.control.doctor.finding import parted
from trimtab.control.settings import CompressSection


def scaler(kind: str, api_version: str, target: str) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "theirs", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": target}},
    }


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [("HorizontalPodAutoscaler", "autoscaling/v2"), ("ScaledObject", "keda.sh/v1alpha1")],
)
async def test_a_foreign_autoscaler(install: Install, kind: str, api_version: str) -> None:
    install.kube.installed.add("ScaledObject")
    (target,) = install.kube.names("Deployment")
    install.kube.put(scaler(kind, api_version, target))
    found = await install.finding()
    assert f"{kind} theirs also scales its int8 on cpu" in found.says
    assert found.mend == f"Delete it: kubectl delete {kind.lower()} -n shop theirs."


async def test_a_gateway_on_a_cluster_without_the_gateway_api(install: Install) -> None:
    install.kube.put(model_deployment(routing=GATEWAY))
    found = await install.finding()
    assert found.says.startswith("spec.routing.type is Gateway, but this cluster has no HTTPRoute")
    assert "nstall the CRDs of the Gateway API" in found.mend


async def test_a_route_that_nobody_took(install: Install) -> None:
    await routed(install)
    # And so no gateway tells of it.
    install.prometheus.row = lambda promql, row: [] if "envoy_" in promql else [row]
    found = await install.finding()
    assert found.says == "No controller has taken HTTPRoute shop/digits yet."
    assert found.mend.startswith("See that Gateway shop/edge exists")


async def test_a_route_that_the_gateway_refuses(install: Install) -> None:
    refused = {"type": "Accepted", "status": "False", "observedGeneration": 9}
    refused |= {"reason": "NotAllowedByListeners", "message": "no: not from there"}
    await routed(install, conditions=[refused])
    found = await install.finding()
    assert found.says.endswith("NotAllowedByListeners (no: not from there).")
    assert found.mend.startswith("Let allowedRoutes of the Gateway's listener admit")


async def test_a_route_that_the_gateway_took(install: Install) -> None:
    taken = {"type": "Accepted", "status": "True", "observedGeneration": 9}
    await routed(install, conditions=[taken])
    assert await install.findings() == ()


async def test_a_budget_that_does_not_exist(install: Install) -> None:
    install.kube.put(model_deployment(budgetRef={"name": "vision"}))
    found = await install.finding()
    assert "InferenceBudget 'vision', which does not exist" in found.says
    assert found.mend.startswith("Create InferenceBudget vision in namespace shop")


async def test_a_resource_that_cannot_be_read(install: Install) -> None:
    budget: dict[str, Any] = {"apiVersion": "trimtab.dev/v1alpha1", "kind": "InferenceBudget"}
    budget |= {"metadata": {"name": "vision", "namespace": "shop"}, "spec": {"perHour": "much"}}
    install.kube.put(budget)
    install.kube.put(model_deployment(budgetRef={"name": "vision"}))
    found = await install.finding()
    assert found.subject == "InferenceBudget shop/vision"
    assert "perHour" in found.says


COMPRESSION: dict[str, Any] = {
    "source": {"persistentVolumeClaim": {"claimName": "c", "path": "source"}},
    "model": "model.py",
    "acceleratorClass": "cpu",
    "output": {"claimName": "c", "path": "out"},
}


async def test_a_compression_without_an_image(install: Install) -> None:
    install.kube.put(model_deployment(compression=COMPRESSION))
    found = await install.finding()
    assert found.says == "This install has no image for compressions."
    assert "compress.image.repository" in found.mend


async def test_a_compression_on_a_class_that_does_not_exist_is_told_once(install: Install) -> None:
    image = CompressSection(image="compress:1")
    install.settings = install.settings.model_copy(update={"compress": image})
    install.kube.put(model_deployment(compression={**COMPRESSION, "acceleratorClass": "tpu"}))
    assert (await install.finding()).subject == "AcceleratorClass tpu"


@pytest.mark.parametrize(
    ("text", "says", "mend"),
    [
        ("It is so: do this: or that.", "It is so.", "do this: or that."),
        ("It says no (a). b (c: d). Do this.", "It says no (a). b (c: d).", "Do this."),
        ("It is so.", "It is so.", "see what kubectl describe tells of it"),
    ],
)
def test_a_text_of_trouble_and_mend_is_parted_where_the_mend_begins(
    text: str, says: str, mend: str
) -> None:
    assert parted(text) == (says, mend)
