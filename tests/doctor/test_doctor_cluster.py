"""Faults that the API server shows, each planted alone in a sound install."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.control.world import accelerator_class, model_deployment, node, variant
from tests.doctor.install import GATEWAY, Install, lease, operator_pod, routed
from trimtab.actuate.client_errors import Forbidden
from trimtab.actuate.names import INSTALL_LABEL
from trimtab.control.doctor.finding import Severity, parted
from trimtab.control.doctor.gather_cluster import gather_cluster
from trimtab.control.settings import CompressSection


async def test_a_sound_install_has_no_finding_and_leaves_nothing_out(install: Install) -> None:
    facts = await install.facts()
    assert len(facts.cluster.gathered.snapshot.models[0].workloads[0].pods) == 1  # type: ignore[union-attr]
    assert facts.left_out == ()
    assert await install.findings() == ()


async def test_nothing_is_written(install: Install) -> None:
    def written() -> tuple[object, ...]:
        return install.kube.objects, install.kube.writes, install.kube.events

    before = copy.deepcopy(written())
    await install.facts()
    assert written() == before


# -- classes ------------------------------------------------------------------------------------


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


# -- models -------------------------------------------------------------------------------------


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


# -- the install --------------------------------------------------------------------------------


async def test_rights_that_were_cut(install: Install) -> None:
    def may(right: dict[str, str]) -> bool:
        return right["resource"] != "deployments" or right["verb"] not in ("create", "patch")

    install.kube.may = may
    found = await install.finding()
    assert found.subject == "account trimtab-system:trimtab"
    assert found.says == "It may not create, patch deployments.apps."
    assert 'apiGroups: ["apps"], resources: [deployments], verbs: [create, patch]' in found.mend


async def test_rights_that_one_namespace_lacks(install: Install) -> None:
    install.settings = install.settings.model_copy(update={"namespaces": ("shop", "search")})
    install.kube.may = lambda right: right["resource"] != "pods" or right["namespace"] == "shop"
    assert (await install.finding()).says == "It may not list, watch pods in search."


async def test_an_api_server_without_open_api_is_told(install: Install) -> None:
    install.kube.publishes = False
    (left,) = (await install.facts()).left_out
    assert left.check == "fields of modeldeployments, acceleratorclasses, inferencebudgets"
    assert await install.findings() == ()
    install.kube.publishes = True
    del install.kube.schemas["InferenceBudget"]
    assert [f.check for f in (await install.facts()).left_out] == ["fields of inferencebudgets"]


async def test_what_may_not_be_read_is_left_out_and_the_rest_is_checked(install: Install) -> None:
    await routed(install, conditions=[])
    install.kube.unread = {"Node", "AcceleratorClass", "HTTPRoute"}
    install.kube.may = lambda right: right["resource"] != "acceleratorclasses"
    found = await install.finding()
    assert "may not list, watch acceleratorclasses.trimtab.dev" in found.says
    facts = await install.facts()
    assert [left.check for left in facts.left_out] == [
        "what hangs on acceleratorclasses",
        "what hangs on httproutes",
        "what hangs on nodes",
    ]


async def test_a_person_has_other_rights_than_the_operator(install: Install) -> None:
    install.kube.user, install.kube.may = "jane", lambda _right: False
    assert await install.findings() == ()
    assert [left.check for left in (await install.facts()).left_out] == ["rights"]


async def test_an_account_that_may_ask_nothing_of_itself(install: Install) -> None:
    def may(_right: dict[str, str]) -> bool:
        raise Forbidden("POST", 403, "Forbidden", "cannot create selfsubjectaccessreviews")

    install.kube.may = may
    (left,) = (await install.facts()).left_out
    assert left.check == "rights"
    assert "trimtab-system:trimtab may not ask" in left.why
    assert await install.findings() == ()


async def test_without_settings_nobody_knows_which_rights_are_needed(install: Install) -> None:
    install.kube.may = lambda _right: False
    cluster, left_out = await gather_cluster(install.kube, None, ())  # type: ignore[arg-type]
    assert (cluster.account, cluster.denied) == (None, ())
    assert [left.check for left in left_out] == ["rights"]


async def test_a_kind_that_is_not_there_needs_no_rights(install: Install) -> None:
    install.kube.may = lambda right: right["group"] != "keda.sh" if "group" in right else True
    assert await install.findings() == ()
    install.kube.installed.add("ScaledObject")
    assert "scaledobjects.keda.sh" in (await install.finding()).says


async def test_a_crd_of_an_older_trimtab(install: Install) -> None:
    old = copy.deepcopy(install.kube.schemas["ModelDeployment"])
    del old["properties"]["spec"]["properties"]["routing"]
    del old["properties"]["spec"]["properties"]["variants"]["items"]["properties"]["profile"]
    install.kube.schemas["ModelDeployment"] = old
    found = await install.finding()
    assert found.subject == "CRD of ModelDeployment"
    assert found.says.endswith("know: spec.routing, spec.variants[].profile.")
    assert "-f crds/" in found.mend


async def test_a_crd_that_is_not_there(install: Install) -> None:
    install.kube.not_there = {"InferenceBudget"}
    found = await install.finding()
    assert found.subject == "CRD of InferenceBudget"
    assert "serves no trimtab.dev/v1alpha1" in found.says


@pytest.mark.parametrize(("ahead_s", "way"), [(90.0, "ahead of"), (-90.0, "behind")])
async def test_an_api_server_with_another_clock(install: Install, ahead_s: float, way: str) -> None:
    install.kube.ahead_s = ahead_s
    found = await install.finding()
    assert (found.check, found.subject) == ("clock", "API server")
    assert f"90 s {way}" in found.says


async def test_a_leader_with_another_clock(install: Install) -> None:
    install.kube.put(lease(install.now_s + 120.0))
    found = await install.finding()
    assert (found.check, found.subject) == ("clock", "leader trimtab-0")


@pytest.mark.parametrize(
    ("renewed_ago_s", "holder", "says"),
    [
        (300.0, "trimtab-0", "trimtab-0 renewed it 300 s ago, for 15 s"),
        (1.0, "", "nobody holds it"),
    ],
)
async def test_nobody_leads(install: Install, renewed_ago_s: float, holder: str, says: str) -> None:
    install.kube.put(lease(install.now_s - renewed_ago_s, holder))
    found = await install.finding()
    assert found.subject == "Lease trimtab-system/trimtab"
    assert says in found.says
    assert "kubectl get pods -n trimtab-system" in found.mend


async def test_two_installs_of_one_name(install: Install) -> None:
    install.kube.put(operator_pod("trimtab-system", "default"))
    install.kube.put(operator_pod("team-b", "blue"))
    assert [f for f in await install.findings() if f.check == "instances"] == []
    install.kube.put(operator_pod("team-b", "default"))
    (found,) = [f for f in await install.findings() if f.check == "instances"]
    assert found.subject == "team-b/trimtab and trimtab-system/trimtab"
    assert found.severity is Severity.ERROR
    assert "the same name, 'default'" in found.says
    assert "another value of instance" in found.mend


async def test_two_of_one_name_that_serve_namespaces_of_their_own_may_never_meet(
    install: Install,
) -> None:
    install.settings = install.settings.model_copy(update={"namespaces": ("shop", "team-b")})
    install.kube.put(operator_pod("trimtab-system", "default"))
    install.kube.put(operator_pod("team-b", "default"))
    found = await install.finding()
    assert found.severity is Severity.WARNING
    assert found.says.endswith("in namespaces that both serve.")


async def test_an_install_without_a_name_beside_another(install: Install) -> None:
    theirs = model_deployment("theirs")
    theirs["metadata"]["labels"] = {INSTALL_LABEL: "blue"}
    install.kube.put(theirs)
    assert await install.findings() == ()
    install.settings = install.settings.model_copy(update={"instance": ""})
    for kind in ("Service", "Deployment"):
        for (k, _, _), obj in install.kube.objects.items():
            if k == kind:
                obj["metadata"]["labels"].pop(INSTALL_LABEL, None)
    found = await install.finding()
    assert (found.severity, found.subject) == (Severity.WARNING, "install blue")
