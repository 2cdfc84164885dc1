"""Pods that do not come: who says so, and what mends it, also while others serve."""

from __future__ import annotations

from tests.core.builders import INT8, deployment, steady
from tests.core.story import Model, Story
from trimtab.core.conditions import ready, reconciling
from trimtab.core.plan import ConditionStatus, Target
from trimtab.core.snapshot import ModelState, Pod, Workload

REFUSED = 'pods "p" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1'


def fleet(*pods: Pod, refused: str | None = None) -> ModelState:
    return ModelState(deployment(), (Workload(INT8, 2, pods, 1, refused=refused),))


def test_a_limit_of_memory_that_is_too_small_is_named_with_its_mend() -> None:
    told = ready(fleet(Pod("p", 0.0, None, waiting_reason="OOMKilled")))
    assert told.reason == "PodsWaiting"
    assert "OOMKilled: raise memory in spec.resources of its AcceleratorClass" in told.message


def test_what_the_preparation_said_is_told() -> None:
    words = "no model folder 'digits' in /models: it holds xor"
    told = ready(fleet(Pod("p", 0.0, None, waiting_reason="CrashLoopBackOff", last_words=words)))
    assert told.message.endswith(f"It said: {words}")


def test_a_quota_that_refuses_every_pod_is_told() -> None:
    """It once said that the first pod was starting, for as long as the quota stood."""
    told = ready(fleet(refused=REFUSED))
    assert (told.reason, REFUSED in told.message) == ("PodsRefused", True)


def test_who_serves_is_ready_and_what_holds_up_the_rest_is_told_beside() -> None:
    state = fleet(Pod("a", 0.0, 1.0), Pod("b", 0.0, None, waiting_reason="ImagePullBackOff"))
    assert ready(state).reason == "Serving"
    told = reconciling(state, (Target(INT8, 2, 1),), act=True)
    assert told.reason == "PodsWaiting"
    assert "the kubelet says ImagePullBackOff: check spec.triton.image" in told.message


def test_a_rollout_that_never_ends_is_told_although_all_that_were_asked_for_serve() -> None:
    serving = [Pod(name, 0.0, 1.0) for name in "ab"]
    state = fleet(*serving, Pod("c", 0.0, None, waiting_reason="ImagePullBackOff"))
    told = reconciling(state, (Target(INT8, 2, 1),), act=True)
    assert (told.status, told.reason) == (ConditionStatus.TRUE, "PodsWaiting")


def test_no_node_for_the_first_replica_is_told_with_its_mend() -> None:
    """Ready said that SLOMet says why, and SLOMet that no reading was attempted yet."""
    story = Story(Model(deployment(), steady(50)), slots=0).until(60)
    told = story.condition("SLOMet")
    assert (told.status, told.reason) == (ConditionStatus.FALSE, "NoCapacity")
    assert "add nodes that the AcceleratorClass selects" in told.message


def test_a_pod_on_its_way_out_holds_up_nothing() -> None:
    leaving = Pod("b", 0.0, None, terminating=True, waiting_reason="CrashLoopBackOff")
    told = reconciling(fleet(Pod("a", 0.0, 1.0), leaving), (Target(INT8, 2, 1),), act=True)
    assert told.reason == "Scaling"
