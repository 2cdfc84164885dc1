"""What the caches keep, and whose word counts."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.actuate import kinds
from trimtab.api.resources import ObjectKey
from trimtab.control.caches import Caches, trimmed
from trimtab.control.packed import whole


def pod(version: int, uid: str = "u1", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "p",
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(version),
            "managedFields": [{"manager": "kubelet"}],
        },
        "spec": {"nodeName": "n", "volumes": [{"name": "big"}], **spec},
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    }


KEY = ObjectKey("shop", "p")


def test_an_older_event_does_not_undo_a_newer_object() -> None:
    caches = Caches()
    assert caches.put(kinds.POD, pod(12, nodeName="new"))
    assert not caches.put(kinds.POD, pod(11, nodeName="old"))
    kept = caches.get(kinds.POD, KEY)
    assert kept is not None
    assert kept["spec"]["nodeName"] == "new"


def test_an_object_made_anew_under_the_same_name_replaces_the_old_one() -> None:
    caches = Caches()
    caches.put(kinds.POD, pod(12, uid="first"))
    caches.put(kinds.POD, pod(3, uid="second"))
    # The deletion of the first arrives late, and must not take the second with it.
    caches.drop(kinds.POD, pod(13, uid="first"))
    kept = caches.get(kinds.POD, KEY)
    assert kept is not None
    assert kept["metadata"]["uid"] == "second"


def test_a_listing_removes_what_is_no_longer_there() -> None:
    caches = Caches()
    caches.put(kinds.POD, pod(1))
    caches.replace(kinds.POD, [])
    assert list(caches.all(kinds.POD)) == []


def test_pods_are_kept_without_what_no_decision_reads() -> None:
    kept = trimmed(kinds.POD, pod(1))
    assert "managedFields" not in kept["metadata"]
    assert "volumes" not in kept["spec"]
    assert kept["spec"]["nodeName"] == "n"
    assert kept["kind"] == "Pod"


def test_listed_objects_carry_their_kind() -> None:
    caches = Caches()
    caches.put(kinds.SERVICE, {"metadata": {"name": "s", "namespace": "shop", "uid": "u"}})
    kept = caches.get(kinds.SERVICE, ObjectKey("shop", "s"))
    assert kept is not None
    assert (kept["apiVersion"], kept["kind"]) == ("v1", "Service")


CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Serving",
    "message": "Pods answer.",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
}


def status_kept(status: Any) -> Any:
    model = {"metadata": {"name": "digits", "namespace": "shop"}, "spec": {}, "status": status}
    return whole(trimmed(kinds.MODEL_DEPLOYMENT, model)["status"])


def test_a_status_of_the_schema_is_kept_whole() -> None:
    status = {"observedGeneration": 3, "conditions": [CONDITION], "cost": {"perHour": "0.20"}}
    assert status_kept(status) == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "Ready"},
        "Ready",
        {**CONDITION, "status": "Maybe"},
        {**CONDITION, "message": None},
        {**CONDITION, "lastTransitionTime": "yesterday"},
        {**CONDITION, "lastTransitionTime": "2026-01-02T03:04:05"},
    ],
)
def test_of_a_status_that_others_wrote_the_rest_is_kept(wrong: Any) -> None:
    """A condition without a reason was a KeyError in the part that all models share, and no tick
    came to its end."""
    status = {"conditions": [CONDITION, wrong], "replicas": 2, "colour": "red", "summary": []}
    assert status_kept(status) == {"replicas": 2}


@pytest.mark.parametrize("status", [None, "Ready", [], 3])
def test_a_status_that_is_none_is_empty(status: Any) -> None:
    assert status_kept(status) == {}


def child(name: str, owner: str, version: int = 1) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "resourceVersion": str(version),
            "ownerReferences": [{"uid": "other"}, {"uid": owner, "controller": True}],
        }
    }


def test_children_are_found_by_their_controller() -> None:
    caches = Caches()
    caches.put(kinds.SERVICE, child("a", "m1"))
    caches.put(kinds.DEPLOYMENT, child("a", "m1"))
    caches.put(kinds.SERVICE, child("b", "m2"))

    def of(uid: str) -> list[tuple[str, str]]:
        return sorted((o["kind"], o["metadata"]["name"]) for o in caches.owned(uid))

    assert of("m1") == [("Deployment", "a"), ("Service", "a")]
    assert of("other") == []
    caches.put(kinds.SERVICE, child("a", "m2", version=2))
    assert (of("m1"), of("m2")) == ([("Deployment", "a")], [("Service", "a"), ("Service", "b")])
    caches.replace(kinds.SERVICE, [child("b", "m2")])
    caches.drop(kinds.DEPLOYMENT, child("a", "m1"))
    assert (of("m1"), of("m2")) == ([], [("Service", "b")])


def test_what_is_seen_again_as_it_was_stays_the_same_object() -> None:
    """By which others know that nothing changed."""
    caches = Caches()
    caches.put(kinds.POD, pod(5))
    first = caches.get(kinds.POD, KEY)
    caches.replace(kinds.POD, [pod(5)])
    assert caches.get(kinds.POD, KEY) is first
    # What was written into it is none of what is kept, but its version counts from now on.
    caches.put(kinds.POD, {**pod(9), "spec": {"nodeName": "n", "volumes": []}})
    assert caches.get(kinds.POD, KEY) is first
    assert not caches.put(kinds.POD, pod(8, nodeName="old"))
    caches.put(kinds.POD, pod(10, nodeName="new"))
    assert caches.get(kinds.POD, KEY) is not first


def test_of_a_listing_only_what_is_new_is_made_small_anew() -> None:
    caches = Caches()
    caches.put(kinds.POD, pod(5))
    first = caches.get(kinds.POD, KEY)
    assert caches.kept(kinds.POD, pod(5)) is first
    for other in (pod(6), pod(5, uid="u2")):
        assert caches.kept(kinds.POD, other) == trimmed(kinds.POD, other)
    unversioned = {"metadata": {"name": "p", "namespace": "shop", "uid": "u1"}}
    caches.replace(kinds.SERVICE, [unversioned])
    assert caches.kept(kinds.SERVICE, {**unversioned, "spec": {"a": 1}})["spec"] == {"a": 1}


def test_what_was_trimmed_on_arrival_is_kept_as_it_is() -> None:
    spec = {"replicas": 2, "template": {"spec": {"containers": []}}}
    deployment = {"metadata": pod(4)["metadata"], "spec": spec, "status": {}}
    model = {**deployment, "status": {"observedGeneration": 3, "conditions": [CONDITION]}}
    for kind, obj in (
        (kinds.POD, pod(4)),
        (kinds.DEPLOYMENT, deployment),
        (kinds.MODEL_DEPLOYMENT, model),
    ):
        once = trimmed(kind, obj)
        assert trimmed(kind, once) == once
        assert "managedFields" not in once["metadata"]
    assert dict(trimmed(kinds.DEPLOYMENT, deployment)["spec"]) == spec
