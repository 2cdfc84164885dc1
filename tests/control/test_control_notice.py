"""Which watch events start a decision at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from trimtab.actuate import kinds, names
from trimtab.actuate.kinds import Kind
from trimtab.control.caches import Caches
from trimtab.control.handlers import registry
from trimtab.control.notice import noted

INT8 = {
    names.MANAGED_BY_LABEL: names.MANAGED_BY,
    names.MODEL_DEPLOYMENT_LABEL: "digits",
    names.VARIANT_LABEL: "int8",
    names.CLASS_LABEL: "cpu",
}
FP32 = {**INT8, names.VARIANT_LABEL: "fp32"}


def pod(name: str, labels: dict[str, str], version: int = 1, ready: str = "True") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version)}
    return {
        "metadata": {**metadata, "labels": labels},
        "spec": {"containers": []},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def leaving(pod: dict[str, Any]) -> dict[str, Any]:
    since = {"deletionTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "9"}
    return {**pod, "metadata": {**pod["metadata"], **since}}


def wakes(caches: Caches, event: str, obj: dict[str, Any], kind: Kind = kinds.POD) -> bool:
    return noted(caches, kind, {"type": event, "object": obj})


@pytest.fixture
def caches() -> Caches:
    """Two pods of one variant, one of another."""
    found = Caches()
    for seen in (pod("a", INT8), pod("b", INT8), pod("c", FP32)):
        assert not wakes(found, "ADDED", seen)
    return found


def test_the_last_pod_of_a_workload_cannot_wait(caches: Caches) -> None:
    assert wakes(caches, "DELETED", pod("c", FP32, 2))


def test_nor_can_one_that_is_not_ready_any_more_or_told_to_go(caches: Caches) -> None:
    assert wakes(caches, "MODIFIED", pod("c", FP32, 2, "False"))
    assert not wakes(caches, "DELETED", pod("c", FP32, 3, "False")), "told already"
    wakes(caches, "ADDED", pod("d", FP32))
    assert wakes(caches, "MODIFIED", leaving(pod("d", FP32)))


def test_one_of_several_can(caches: Caches) -> None:
    assert not wakes(caches, "DELETED", pod("a", INT8, 2))
    assert wakes(caches, "DELETED", pod("b", INT8, 2))


def test_pods_of_others_and_pods_that_never_served_are_nothing_to_us(caches: Caches) -> None:
    wakes(caches, "ADDED", pod("theirs", {}))
    assert not wakes(caches, "DELETED", pod("theirs", {}, 2))
    wakes(caches, "ADDED", pod("young", {**INT8, names.VARIANT_LABEL: "student"}, 1, "False"))
    assert not wakes(caches, "DELETED", pod("young", {}, 2, "False"))


def test_an_old_event_changes_nothing(caches: Caches) -> None:
    wakes(caches, "MODIFIED", pod("c", FP32, 7))
    assert not wakes(caches, "MODIFIED", pod("c", FP32, 6, "False"))


def test_a_promise_wakes_when_it_changes_and_not_by_its_status() -> None:
    def promise(version: int, generation: int) -> dict[str, Any]:
        metadata = {"name": "m", "namespace": "shop", "uid": "u", "generation": generation}
        return {"metadata": {**metadata, "resourceVersion": str(version)}, "spec": {}}

    caches, kind = Caches(), kinds.MODEL_DEPLOYMENT
    assert wakes(caches, "ADDED", promise(1, 1), kind)
    assert not wakes(caches, "MODIFIED", promise(2, 1), kind)
    assert wakes(caches, "MODIFIED", promise(3, 2), kind)
    assert wakes(caches, "DELETED", promise(4, 2), kind)


@pytest.mark.parametrize(("kind", "at_once"), [(kinds.POD, True), (kinds.ACCELERATOR_CLASS, False)])
async def test_a_lost_share_hurries_and_an_edit_waits_for_others(
    caches: Caches, kind: Kind, at_once: bool
) -> None:
    woken: list[bool] = []

    def wake(*, at_once: bool = False) -> None:
        woken.append(at_once)

    note: Callable[..., Awaitable[None]]
    (note,) = (
        cast("Any", handler.fn)
        for handler in registry(caches, wake, nodes=True)._watching.get_all_handlers()
        if handler.id == f"note-{kind.plural}"
    )
    await note(event={"type": "DELETED", "object": pod("c", FP32, 2)})
    assert woken == [at_once]
