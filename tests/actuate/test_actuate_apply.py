"""When a child is written, and when it must not be."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.actuate import fleet
from tests.actuate.fleet import children_of, only_deployment, target_of
from trimtab.actuate import names
from trimtab.actuate.apply import Applied, apply_child, needs_apply, rolled_out, surge_for
from trimtab.actuate.children import build_children
from trimtab.actuate.compare import is_subset, parse_quantity
from trimtab.actuate.errors import NameTaken
from trimtab.actuate.kinds import Kind
from trimtab.api.resources import RawObject, Toleration

Edit = Callable[[dict[str, Any]], object]


def live_of(desired: dict[str, Any]) -> dict[str, Any]:
    """What the API server makes of it: defaults, a status, its own rewriting."""
    live = deepcopy(desired)
    live["metadata"].update(uid="u", resourceVersion="7", generation=2, managedFields=[{}])
    if desired["kind"] == "Deployment":
        pod = live["spec"]["template"]["spec"]
        pod.update(dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default")
        pod["volumes"].reverse()
        for container in pod["containers"]:
            container.setdefault("imagePullPolicy", "IfNotPresent")
            container["startupProbe"].update(successThreshold=1)
            container["startupProbe"]["httpGet"]["scheme"] = "HTTP"
        live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
        live["status"] = rolled(2)
    if desired["kind"] == "Service":
        live["spec"].update(type="ClusterIP", clusterIPs=["10.96.0.7"])
        live["spec"].setdefault("clusterIP", "10.96.0.7")
    return live


def rolled(replicas: int, updated: int | None = None) -> dict[str, Any]:
    """The status of a Deployment."""
    done = replicas if updated is None else updated
    return {"observedGeneration": 2, "replicas": replicas, "updatedReplicas": done}


def _triton(live: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = live["spec"]["template"]["spec"]["containers"][0]
    return container


def test_what_is_live_is_not_written_again() -> None:
    for source in (fleet.IMAGE, fleet.PVC, fleet.URI):
        for child in children_of(source, target_of("cpu"), podmonitor=True).values():
            assert not needs_apply(child, live_of(child)), child["kind"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda live: live["spec"].update(replicas=3),
        lambda live: _triton(live).update(image="another"),
        lambda live: _triton(live)["args"].append("--log-verbose=1"),
        lambda live: _triton(live)["env"].clear(),
        lambda live: _triton(live)["readinessProbe"].update(periodSeconds=60),
        lambda live: _triton(live)["resources"]["limits"].update({"nvidia.com/gpu": "2"}),
        lambda live: live["spec"]["template"]["spec"].update(automountServiceAccountToken=True),
        lambda live: live["spec"]["template"]["spec"].pop("nodeSelector"),
        lambda live: live["metadata"]["labels"].clear(),
        lambda live: live["metadata"]["annotations"].pop(names.BATCH_CAP_ANNOTATION),
        lambda live: live["metadata"].pop("ownerReferences"),
    ],
)
def test_anothers_hand_in_our_fields_is_undone(edit: Edit) -> None:
    desired = only_deployment(children_of())
    live = live_of(desired)
    edit(live)
    assert needs_apply(desired, live)


@pytest.mark.parametrize(
    "edit",
    [
        lambda live: live["metadata"]["labels"].update(team="vision"),
        lambda live: _triton(live)["env"].append({"name": "HTTP_PROXY", "value": "x"}),
        lambda live: live["spec"]["template"]["spec"]["containers"].append({"name": "sidecar"}),
        lambda live: live["spec"]["template"]["metadata"]["annotations"].update(restartedAt="now"),
    ],
)
def test_what_others_add_is_theirs(edit: Edit) -> None:
    desired = only_deployment(children_of())
    live = live_of(desired)
    edit(live)
    assert not needs_apply(desired, live)


def test_a_field_that_is_no_longer_desired_is_taken_back() -> None:
    # The new one lies wholly within what is live: a plain comparison would see no difference.
    live = live_of(only_deployment(children_of()))
    bare = replace(fleet.L4, tolerations=(), node_selector=())
    classes = {**fleet.CLASSES, "l4": bare}
    desired = only_deployment(_children(classes))
    assert needs_apply(desired, live)
    kept = replace(fleet.L4, tolerations=(*fleet.L4.tolerations, Toleration(operator="Exists")))
    assert needs_apply(only_deployment(_children({**fleet.CLASSES, "l4": kept})), live)


def _children(classes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    children = build_children(
        fleet.deployment_of(fleet.IMAGE),
        fleet.plan_of(target_of()),
        classes,
        fleet.SETTINGS,
        podmonitor=False,
    )
    return {c["kind"]: c for c in children}


def test_whether_an_accelerator_is_free_is_no_reason_to_write() -> None:
    free, taken = (only_deployment(children_of(surge=s)) for s in (True, False))
    live = live_of(free)
    assert not needs_apply(taken, live)
    live["status"] = rolled(3, updated=1)
    assert needs_apply(taken, live)
    assert needs_apply(only_deployment(children_of(fleet.IMAGE, target_of(replicas=4))), live)


def test_a_story_of_a_rollout_with_one_spare_accelerator() -> None:
    live = live_of(only_deployment(children_of(surge=True)))
    assert rolled_out(live)
    assert surge_for(None, free=True, unschedulable=0)
    assert not surge_for(live, free=False, unschedulable=0)
    # The surge pod took the spare one: nothing is free any more, and the choice stands.
    live["status"] = rolled(3, updated=1)
    assert not rolled_out(live)
    assert surge_for(live, free=False, unschedulable=0)
    # Another model took it first: the surge pod waits, so one steps down.
    assert not surge_for(live, free=False, unschedulable=1)
    # Begun stepping down, it goes on so, whatever becomes free.
    live["spec"]["strategy"]["rollingUpdate"] = {"maxSurge": 0, "maxUnavailable": 1}
    assert not surge_for(live, free=True, unschedulable=0)
    # A change that the controller has not seen yet is a rollout.
    live["status"] = {**rolled(2), "observedGeneration": 1}
    assert not rolled_out(live)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1000m", "1", True),
        ("0.25", "250m", True),
        ("1Gi", "1024Mi", True),
        ("1e3", "1k", True),
        ("512Mi", "512M", False),
        ("250m", "251m", False),
        ("one", "1", False),
    ],
)
def test_quantities_are_compared_by_value(one: str, other: str, same: bool) -> None:
    path = {"resources": {"limits": {"cpu": one}}}
    assert is_subset(path, {"resources": {"limits": {"cpu": other}}}) is same
    assert is_subset({"args": [one]}, {"args": [other]}) is (one == other)


def test_quantities_have_their_amount() -> None:
    assert [parse_quantity(q) for q in ("2", "1500m", "1Ki", "1E", "2e2", "")] == [
        2,
        parse_quantity("1.5"),
        1024,
        10**18,
        200,
        None,
    ]


def test_zero_values_may_be_left_out_and_others_not() -> None:
    assert is_subset({"a": 0, "b": False, "c": "", "d": [], "e": {}, "f": None}, {})
    assert not is_subset({"a": 1}, {})
    assert not is_subset({"emptyDir": {"medium": "Memory"}}, {"emptyDir": {}})
    assert not is_subset({"a": 1}, {"a": True})
    assert not is_subset({"args": ["x", "y"]}, {"args": ["y", "x"]})


class FakeApi:
    """Holds one object and remembers what was applied."""

    def __init__(self, live: RawObject | None = None) -> None:
        self.live = live
        self.looked = 0
        self.applied: list[tuple[str, str]] = []

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> RawObject | None:
        self.looked += 1
        return self.live

    async def server_side_apply(
        self, obj: RawObject, field_manager: str, *, force: bool = True
    ) -> dict[str, Any]:
        self.applied.append((obj["metadata"]["name"], field_manager))
        return dict(obj)


MD = fleet.deployment_of(fleet.IMAGE)


async def test_a_new_child_is_made_under_a_free_name() -> None:
    api = FakeApi()
    assert await apply_child(api, MD, only_deployment(children_of()), None) is Applied.WRITTEN
    assert api.applied == [("classifier-fp32-l4", "trimtab")]


async def test_an_idle_tick_asks_and_writes_nothing() -> None:
    api = FakeApi()
    desired = only_deployment(children_of())
    assert await apply_child(api, MD, desired, live_of(desired)) is Applied.UNCHANGED
    assert (api.looked, api.applied) == (0, [])


async def test_a_child_on_its_way_out_is_waited_for() -> None:
    api = FakeApi()
    desired = only_deployment(children_of(fleet.IMAGE, target_of(replicas=9)))
    live = live_of(desired)
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert await apply_child(api, MD, desired, live) is Applied.TERMINATING
    assert api.applied == []


@pytest.mark.parametrize(
    ("owners", "says", "passing"),
    [
        ([], "belongs to no ModelDeployment", False),
        (
            [{"kind": "Release", "name": "web", "uid": "x", "controller": True}],
            "belongs to Release 'web'",
            False,
        ),
        ([{**names.owner_reference(MD), "uid": "old"}], "an earlier ModelDeployment", True),
        ([{**names.owner_reference(MD), "controller": False}], "belongs to no Model", False),
    ],
)
async def test_anothers_object_is_never_overwritten(
    owners: list[dict[str, Any]], says: str, passing: bool
) -> None:
    desired = only_deployment(children_of())
    live = live_of(desired)
    live["metadata"]["ownerReferences"] = owners
    for cached in (None, live):
        api = FakeApi(live)
        with pytest.raises(NameTaken) as caught:
            await apply_child(api, MD, desired, cached)
        assert api.applied == []
        assert "Deployment shop/classifier-fp32-l4 exists already" in str(caught.value)
        assert says in str(caught.value)
        assert "delete it" in str(caught.value)
        assert caught.value.passing is passing
