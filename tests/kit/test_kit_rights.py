"""An account's rights, as a chart gives them and as an audit log shows them used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.kit.rights import Audit, Right, granted, rules_of

Object = dict[str, Any]
WHO = "system:serviceaccount:trimtab-system:trimtab"
DEPLOYMENTS = {"apiGroup": "apps", "resource": "deployments", "namespace": "shop", "name": "a"}


def event(
    verb: str,
    ref: dict[str, str] | None,
    code: int = 200,
    message: str = "",
    changed: Object | None = None,
) -> Object:
    return {
        "verb": verb,
        "requestURI": "/apis/apps/v1/namespaces/shop/deployments/a?force=true",
        "user": {"username": WHO},
        "objectRef": ref,
        "responseStatus": {"code": code, "message": message},
        "annotations": {"authorization.k8s.io/decision": "allow"},
        "requestReceivedTimestamp": "2026-01-01T00:00:05.000000Z",
        **(changed or {}),
    }


def audit(folder: Path, *events: Object, name: str = "audit.log") -> Audit:
    (folder / name).write_text("".join(json.dumps(e) + "\n" for e in events))
    return Audit(folder, WHO, "2026-01-01T00:00:00.000000Z")


def test_an_apply_that_makes_an_object_takes_the_right_to_create_it(tmp_path: Path) -> None:
    changed = audit(tmp_path, event("patch", DEPLOYMENTS))
    assert changed.used() == {Right("apps", "deployments", "patch")}
    made = audit(tmp_path, event("patch", DEPLOYMENTS, 201))
    assert made.used() == {
        Right("apps", "deployments", "patch"),
        Right("apps", "deployments", "create"),
    }


def test_a_subresource_is_another_right_and_discovery_is_none(tmp_path: Path) -> None:
    status = {"apiGroup": "trimtab.dev", "resource": "modeldeployments", "subresource": "status"}
    log = audit(tmp_path, event("patch", status), event("get", None), event("get", {"name": "x"}))
    assert log.used() == {Right("trimtab.dev", "modeldeployments/status", "patch")}


def test_what_everybody_may_ask_of_oneself_takes_no_right(tmp_path: Path) -> None:
    review = {"apiGroup": "authorization.k8s.io", "resource": "selfsubjectaccessreviews"}
    assert audit(tmp_path, event("create", review, 201)).used() == set()


FORBID = {"annotations": {"authorization.k8s.io/decision": "forbid"}}
CANNOT = 'deployments.apps "a" is forbidden: User "x" cannot create resource "deployments"'
GOING = 'deployments.apps "a" is forbidden: unable to create new content in namespace shop'


@pytest.mark.parametrize(
    ("refused", "denied"),
    [
        (event("patch", DEPLOYMENTS, 403, changed=FORBID), True),
        # The right to create is asked for once the request is in: its annotation says allow.
        (event("patch", DEPLOYMENTS, 403, CANNOT), True),
        (event("patch", DEPLOYMENTS, 403, GOING), False),
    ],
)
def test_what_rbac_denies_is_told_from_what_admission_does(
    tmp_path: Path, refused: Object, denied: bool
) -> None:
    log = audit(tmp_path, refused)
    told = {"patch /apis/apps/v1/namespaces/shop/deployments/a"}
    assert log.denied() == (told if denied else set())
    assert bool(log.used()) is not denied


def test_only_its_own_requests_since_the_begin_count_over_all_files(tmp_path: Path) -> None:
    pods = {"resource": "pods"}
    early = {"requestReceivedTimestamp": "2025-12-31T23:59:59.000000Z"}
    other = {"user": {"username": "somebody", "uid": WHO}}
    audit(tmp_path, event("watch", pods), name="audit-2026-01-01T00-00-06.log")
    log = audit(
        tmp_path,
        event("list", pods),
        event("get", pods, changed=early),
        event("delete", pods, changed=other),
    )
    with (tmp_path / "audit.log").open("a") as file:
        file.write(json.dumps(event("create", pods))[:-20])  # still in the writing
    assert log.used() == {Right("", "pods", "list"), Right("", "pods", "watch")}


def test_one_pods_requests_are_told_from_anothers(tmp_path: Path) -> None:
    def by(pod: str) -> Object:
        extra = {"authentication.kubernetes.io/pod-name": [pod]}
        return {"user": {"username": WHO, "extra": extra}}

    log = audit(
        tmp_path,
        event("list", {"resource": "pods"}, changed=by("new")),
        event("list", {"resource": "nodes"}, changed={**FORBID, **by("old")}),
    )
    assert log.denied()
    assert not log.of_pods("new").denied()
    assert log.of_pods("new").used() == {Right("", "pods", "list")}


def test_the_rules_are_those_of_the_roles_bound_to_the_account() -> None:
    def role(kind: str, name: str, verb: str, **meta: str) -> Object:
        rules = [{"apiGroups": ["", "apps"], "resources": ["pods", "x/y"], "verbs": [verb]}]
        return {"kind": kind, "metadata": {"name": name, **meta}, "rules": rules}

    def binding(kind: str, to: str, name: str, who: str, **meta: str) -> Object:
        ref = {"kind": to, "name": name}
        return {"kind": kind, "metadata": meta, "roleRef": ref, "subjects": [{"name": who}]}

    objects = [
        role("ClusterRole", "all", "list"),
        role("ClusterRole", "users", "escalate"),
        role("Role", "here", "patch", namespace="shop"),
        role("Role", "here", "delete", namespace="search"),
        binding("ClusterRoleBinding", "ClusterRole", "all", "trimtab"),
        binding("RoleBinding", "Role", "here", "trimtab", namespace="shop"),
        binding("RoleBinding", "Role", "here", "another", namespace="search"),
    ]
    rights = set(granted(rules_of(objects, "trimtab")))
    assert {right.verb for right in rights} == {"list", "patch"}
    assert {str(r) for r in rights if r.verb == "list"} == {
        "list pods",
        "list x/y",
        "list pods.apps",
        "list x/y.apps",
    }
