"""An install: rights, CRDs, clocks and who leads. One fault at a time."""

from __future__ import annotations

import copy

import pytest

from tests.control.world import model_deployment
from tests.doctor.install import Install, lease, operator_pod, routed
from trimtab.actuate.client_errors import Forbidden
from trimtab.actuate.names import INSTALL_LABEL
from trimtab.control.doctor.finding import Severity
from trimtab.control.doctor.gather_cluster import gather_cluster


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
