"""What the operator may do: as little as it needs, and nothing by wildcard.

That each of these is really used is what e2e/security holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.chart.conftest import Object, Render

READ = {"list", "watch"}
CHILDREN = READ | {"get", "create", "patch", "delete"}
CLUSTER_SCOPED = {"acceleratorclasses", "customresourcedefinitions", "nodes", "namespaces"}
NAMESPACED = {
    "modeldeployments": READ,
    "modeldeployments/status": {"patch"},
    "inferencebudgets": READ,
    "deployments": CHILDREN,
    "services": CHILDREN,
    "configmaps": CHILDREN,
    "jobs": CHILDREN,
    "podmonitors": CHILDREN,
    "httproutes": CHILDREN,
    "backendtrafficpolicies": CHILDREN,
    "pods": READ,
    "events": {"create"},
    "horizontalpodautoscalers": READ,
    "scaledobjects": READ,
}


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def bound(objects: list[Object]) -> Iterator[Object]:
    """The roles that are bound to the operator's account."""
    for binding in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        (subject,) = binding["subjects"]
        assert subject == {
            "kind": "ServiceAccount",
            "name": "trimtab",
            "namespace": "trimtab-system",
        }
        for role in of_kind(objects, binding["roleRef"]["kind"]):
            same = role["metadata"].get("namespace") == binding["metadata"].get("namespace")
            if same and role["metadata"]["name"] == binding["roleRef"]["name"]:
                yield role


def of_the_models(objects: list[Object]) -> list[Object]:
    """Those that are about more than the Lease."""
    return [role for role in bound(objects) if role["metadata"]["name"] != "trimtab-lease"]


def rights(role: Object) -> dict[str, set[str]]:
    return {
        resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]
    }


VALUES: list[Object] = [
    {},
    {"rbac": {"scope": "namespaces"}, "namespaces": ["shop", "search"]},
    {"rbac": {"nodes": False}},
]


@pytest.mark.parametrize("values", VALUES)
def test_no_wildcard_and_no_secret_anywhere(render: Render, values: Object) -> None:
    for role in of_kind(render(**values), "ClusterRole", "Role"):
        for rule in role["rules"]:
            assert set(rule) - {"resourceNames"} == {"apiGroups", "resources", "verbs"}
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert "secrets" not in rule["resources"]


@pytest.mark.parametrize("values", VALUES)
def test_the_lease_is_written_in_the_own_namespace_alone(render: Render, values: Object) -> None:
    objects = render(**values)
    (lease,) = [role for role in bound(objects) if role["metadata"]["name"] == "trimtab-lease"]
    assert (lease["kind"], lease["metadata"]["namespace"]) == ("Role", "trimtab-system")
    make, keep = lease["rules"]
    assert (make["resources"], make["verbs"]) == (["leases"], ["create"])
    assert (keep["resources"], set(keep["verbs"])) == (["leases"], {"get", "update"})
    config = yaml.safe_load(of_kind(objects, "ConfigMap")[0]["data"]["config.yaml"])
    assert [config["lease"]["name"]] == keep["resourceNames"]
    assert config["lease"]["namespace"] == "trimtab-system"


def test_a_cluster_install_has_exactly_these_rights(render: Render) -> None:
    (role,) = of_the_models(render())
    assert rights(role) == {
        **NAMESPACED,
        "acceleratorclasses": READ,
        "customresourcedefinitions": READ,
        "nodes": READ,
    }


def test_a_namespaced_install_has_roles_where_it_serves_and_reads_the_rest(render: Render) -> None:
    objects = render(rbac={"scope": "namespaces"}, namespaces=["shop", "search"])
    cluster, *roles = sorted(of_the_models(objects), key=lambda role: role["kind"])
    assert cluster["kind"] == "ClusterRole"
    assert rights(cluster).keys() <= CLUSTER_SCOPED
    assert all(verbs <= READ for verbs in rights(cluster).values())
    assert {role["metadata"]["namespace"] for role in roles} == {"shop", "search"}
    for role in roles:
        assert role["kind"] == "Role"
        assert rights(role) == NAMESPACED


def test_namespaces_are_read_only_where_some_are_named(render: Render) -> None:
    (role,) = of_the_models(render(namespaces=["shop"]))
    assert rights(role)["namespaces"] == READ


def test_reading_nodes_can_be_declined(render: Render) -> None:
    (role,) = of_the_models(render(rbac={"nodes": False}))
    assert "nodes" not in rights(role)


def test_users_roles_are_aggregated_and_money_is_the_admins(render: Render) -> None:
    objects = render()
    operators = [role["metadata"]["name"] for role in bound(objects)]
    users = {
        role["metadata"]["name"].rpartition("-")[2]: role
        for role in of_kind(objects, "ClusterRole")
        if role["metadata"]["name"] not in operators
    }
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    into = {
        name: {
            label.removeprefix(prefix) for label in role["metadata"]["labels"] if prefix in label
        }
        for name, role in users.items()
    }
    assert into == {
        "view": {"view", "edit", "admin"},
        "edit": {"edit", "admin"},
        "admin": {"admin"},
    }
    assert rights(users["view"]).keys() >= {"modeldeployments", "acceleratorclasses"}
    assert "inferencebudgets" not in rights(users["edit"])
    assert "create" in rights(users["admin"])["inferencebudgets"]


def test_no_rights_at_all_where_someone_else_gives_them(render: Render) -> None:
    objects = render(rbac={"create": False})
    assert not [each for each in objects if "rbac" in each["apiVersion"]]
