"""Which pod is asked, and when."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from trimtab.api.resources import OutputCheck
from trimtab.control.asking import AGAIN_S, Askable, Tried, is_due, next_pod
from trimtab.core.snapshot import Agreement, NoAnswer, Pod, Workload, WorkloadKey

INT8 = WorkloadKey("int8", "cpu")
CHECK = OutputCheck("sample", "sample.json", Decimal("0.98"), 600.0)
POD = Askable("a", "10.0.0.1:8000", "t1")
RUNS = Workload(INT8, 1, (Pod("a", 0, 1), Pod("b", 0, 1)), fingerprint="f1")
RIGHT = Agreement(INT8, 50, 50, 1000.0, "f1", "s", "t1")
WRONG = replace(RIGHT, agreed=43)


def due(known: Agreement | None, now_s: float, **changes: Any) -> bool:
    workload = replace(RUNS, fingerprint=changes.get("fingerprint", "f1"))
    return is_due(workload, changes.get("pod", POD), known, changes.get("last"), CHECK, now_s)


def test_what_was_never_asked_is_asked_at_once() -> None:
    assert due(None, 1000.0)


def test_what_answered_is_asked_again_after_the_interval() -> None:
    assert not due(RIGHT, 1599.0)
    assert due(RIGHT, 1600.0)


def test_a_new_template_is_asked_at_once() -> None:
    assert due(RIGHT, 1001.0, pod=POD._replace(template="t2"))


def test_another_image_is_asked_at_once_also_after_a_wrong_answer() -> None:
    assert due(replace(WRONG, fingerprint="f0"), 1001.0)


def test_what_was_wrong_is_not_asked_again() -> None:
    """Its pods on another node may answer rightly: it would come and go with them."""
    assert not due(WRONG, 9999.0)
    assert not due(WRONG, 9999.0, pod=POD._replace(template="t2"))


def test_while_a_rollout_runs_nobody_is_asked() -> None:
    """The pod that answers might be of the older template."""
    assert not due(None, 1000.0, fingerprint=None)


def test_no_answer_is_tried_again_after_a_while() -> None:
    last = Tried("f1", 1000.0, NoAnswer("PodBusy", ""))
    assert not due(None, 1000.0 + AGAIN_S - 1, last=last)
    assert due(None, 1000.0 + AGAIN_S, last=last)


def test_pods_are_asked_in_turn_as_far_as_they_can_answer() -> None:
    def raw(name: str, ip: str) -> dict[str, Any]:
        labels = {"pod-template-hash": "t1"}
        return {"metadata": {"name": name, "labels": labels}, "status": {"podIP": ip} if ip else {}}

    pods = [raw("a", "10.0.0.1"), raw("b", "fd00::2"), raw("c", "10.0.0.3"), raw("d", "")]
    mixed = (
        *RUNS.pods,
        Pod("c", 0, None),
        Pod("d", 0, 1),
        Pod("e", 0, 1),
    )
    workload = replace(RUNS, pods=mixed)
    assert next_pod(workload, pods, {}, 8000) == Askable("a", "10.0.0.1:8000", "t1")
    assert next_pod(workload, pods, {"a": 5.0}, 8000) == Askable("b", "[fd00::2]:8000", "t1")
    assert next_pod(workload, pods, {"a": 5.0, "b": 9.0}, 8000) == POD
    leaving = replace(workload, pods=(Pod("a", 0, 1, terminating=True),))
    assert next_pod(leaving, pods, {}, 8000) is None
