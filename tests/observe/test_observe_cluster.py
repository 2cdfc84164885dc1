"""Raw Kubernetes objects, as an API server gives them, into workloads."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.api.resources import ObjectKey
from trimtab.core.snapshot import Pod, WorkloadKey
from trimtab.observe.cluster import workloads_of

MD = ObjectKey("shop", "classifier")
FP32 = WorkloadKey("fp32", "l4")
CREATED, CREATED_S = "2026-03-01T10:00:00Z", 1772359200.0
READY, READY_S = "2026-03-01T10:00:30Z", 1772359230.0


def meta(name: str, *, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    own = {"model-deployment": "classifier", "variant": "fp32", "accelerator-class": "l4"}
    own.update({k.replace("_", "-"): v for k, v in labels.items()})
    return {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": CREATED,
        "labels": {f"trimtab.dev/{k}": v for k, v in own.items() if v},
    }


def deployment(name: str = "classifier-fp32-l4", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {**meta(name, **labels), "annotations": {"trimtab.dev/batch-cap": "8"}},
        "spec": {"replicas": 3},
    }


def raw_pod(name: str = "p", phase: str = "Running", **status: Any) -> dict[str, Any]:
    return {"metadata": meta(name), "spec": {}, "status": {"phase": phase, **status}}


def condition(type_: str, status: str, **more: str) -> dict[str, str]:
    return {"type": type_, "status": status, "lastTransitionTime": READY, **more}


def only_pod(raw: dict[str, Any]) -> Pod:
    (workload,) = workloads_of(MD, [deployment()], [raw])
    (found,) = workload.pods
    return found


def test_a_deployment_with_its_pods() -> None:
    ready = raw_pod("b", conditions=[condition("Ready", "True")])
    (found,) = workloads_of(MD, [deployment()], [ready, raw_pod("a")])
    assert (found.key, found.replicas, found.batch_cap, found.ready) == (FP32, 3, 8, 1)
    assert found.pods == (Pod("a", CREATED_S, None), Pod("b", CREATED_S, READY_S))


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "elsewhere"},
        {"model_deployment": "other"},
        {"model_deployment": ""},
        {"variant": ""},
        {"accelerator_class": ""},
    ],
)
def test_objects_of_others_are_passed_over(labels: dict[str, str]) -> None:
    assert workloads_of(MD, [deployment(**labels)], []) == ()
    assert workloads_of(MD, [], [{"metadata": meta("p", **labels)}]) == ()


def test_objects_without_labels_or_status_are_passed_over() -> None:
    bare = {"metadata": {"name": "x", "namespace": "shop"}}
    assert workloads_of(MD, [bare], [bare], [bare]) == ()


def test_pods_that_outlive_their_deployment_still_hold_their_accelerator() -> None:
    (found,) = workloads_of(MD, [], [raw_pod()])
    assert (found.key, found.replicas, len(found.pods)) == (FP32, 0, 1)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_ended_are_gone(phase: str) -> None:
    (found,) = workloads_of(MD, [deployment()], [raw_pod(phase=phase)])
    assert found.pods == ()


@pytest.mark.parametrize(("replicas", "wanted"), [(0, 0), (None, 1), (7, 7)])
def test_replicas_default_to_one_and_zero_is_zero(replicas: int | None, wanted: int) -> None:
    own = deployment()
    own["spec"]["replicas"] = replicas
    assert workloads_of(MD, [own], [])[0].replicas == wanted


@pytest.mark.parametrize("text", ["", "eight", "-1", "0", "8.0", "²"])
def test_a_batch_cap_that_is_nonsense_is_unknown(text: str) -> None:
    own = deployment()
    own["metadata"]["annotations"]["trimtab.dev/batch-cap"] = text
    assert workloads_of(MD, [own], [])[0].batch_cap is None


@pytest.mark.parametrize(("text", "size"), [("40", 40), ("many", None), ("0", None)])
def test_the_queue_bound_is_read_back_as_the_cap_is(text: str, size: int | None) -> None:
    own = deployment()
    assert workloads_of(MD, [own], [])[0].queue_size is None
    own["metadata"]["annotations"]["trimtab.dev/queue-size"] = text
    assert workloads_of(MD, [own], [])[0].queue_size == size


def test_a_pod_that_is_going() -> None:
    raw = raw_pod(conditions=[condition("Ready", "False")])
    raw["metadata"]["deletionTimestamp"] = READY
    assert only_pod(raw) == Pod("p", CREATED_S, None, terminating=True)


def test_ready_without_a_time_counts_from_creation() -> None:
    raw = raw_pod(conditions=[{"type": "Ready", "status": "True"}])
    assert only_pod(raw).ready_s == CREATED_S


@pytest.mark.parametrize(
    ("reason", "wanted"), [("Unschedulable", True), ("SchedulingGated", False)]
)
def test_no_room(reason: str, wanted: bool) -> None:
    raw = raw_pod(phase="Pending", conditions=[condition("PodScheduled", "False", reason=reason)])
    assert only_pod(raw).unschedulable is wanted


@pytest.mark.parametrize("kind", ["initContainerStatuses", "containerStatuses"])
@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("ImagePullBackOff", "ImagePullBackOff"),
        ("CrashLoopBackOff", "CrashLoopBackOff"),
        ("ContainerCreating", None),
        ("PodInitializing", None),
    ],
)
def test_why_a_container_waits(kind: str, reason: str, wanted: str | None) -> None:
    statuses = [{"state": {"running": {}}}, {"state": {"waiting": {"reason": reason}}}]
    raw = raw_pod(phase="Pending")
    raw["status"][kind] = statuses
    assert only_pod(raw).waiting_reason == wanted


@pytest.mark.parametrize("where", ["state", "lastState"])
def test_a_container_that_ran_out_of_memory_says_so_in_every_moment(where: str) -> None:
    """Killed, waiting to be started again, or started again: the kubelet has a word for each."""
    raw = raw_pod()
    backing_off = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    raw["status"]["containerStatuses"] = [backing_off | {where: killed}]
    assert only_pod(raw).waiting_reason == "OOMKilled"


@pytest.mark.parametrize("kind", ["initContainerStatuses", "containerStatuses"])
@pytest.mark.parametrize(
    "state",
    [
        {"waiting": {"reason": "CrashLoopBackOff"}},
        {"waiting": {"reason": "PodInitializing"}},
        {"running": {}},
        {"terminated": {"reason": "Error", "exitCode": 3}},
    ],
    ids=lambda state: "".join(state),
)
def test_nor_does_one_that_fails_again_and_again_start_in_between(
    kind: str, state: dict[str, Any]
) -> None:
    before = {"terminated": {"reason": "Error", "exitCode": 3}}
    raw = raw_pod(phase="Pending")
    raw["status"][kind] = [{"state": state, "lastState": before}]
    assert only_pod(raw).waiting_reason == "CrashLoopBackOff"


def test_a_preparation_that_failed_once_and_then_succeeded_waits_for_nothing() -> None:
    done = {"terminated": {"reason": "Completed", "exitCode": 0}}
    before = {"terminated": {"reason": "Error", "exitCode": 3}}
    raw = raw_pod(phase="Pending")
    raw["status"]["initContainerStatuses"] = [{"state": done, "lastState": before}]
    assert only_pod(raw).waiting_reason is None


def test_a_pod_that_serves_again_waits_for_nothing() -> None:
    raw = raw_pod(conditions=[condition("Ready", "True")])
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    raw["status"]["containerStatuses"] = [{"state": {"running": {}}, "lastState": killed}]
    assert only_pod(raw).waiting_reason is None


def test_the_last_words_of_a_preparation_that_failed() -> None:
    raw = raw_pod(phase="Pending")
    ended = {"exitCode": 1, "message": "Traceback\nno model folder 'digits'\n"}
    raw["status"]["initContainerStatuses"] = [{"lastState": {"terminated": ended}}]
    assert only_pod(raw).last_words == "no model folder 'digits'"
    ended["exitCode"] = 0
    assert only_pod(raw).last_words == ""


def test_pods_that_the_api_server_refuses() -> None:
    raw = deployment()
    failure = {"type": "ReplicaFailure", "reason": "FailedCreate", "message": "exceeded quota"}
    raw["status"] = {"conditions": [failure | {"status": "True"}]}
    assert workloads_of(MD, [raw], [])[0].refused == "exceeded quota"
    raw["status"] = {"conditions": [failure | {"status": "False"}]}
    assert workloads_of(MD, [raw], [])[0].refused is None


def scaler(own_kind: str | None, name: str = "web", **target: str) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "classifier-fp32-l4", **target}},
    }
    return raw | ({"kind": own_kind} if own_kind else {})


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (scaler("HorizontalPodAutoscaler", kind="Deployment"), "HorizontalPodAutoscaler web"),
        (scaler("ScaledObject"), "ScaledObject web"),
        (scaler(None, kind="Deployment"), "HorizontalPodAutoscaler web"),
        (scaler("HorizontalPodAutoscaler", kind="StatefulSet"), None),
        (scaler("HorizontalPodAutoscaler", kind="ModelDeployment"), None),
        ({**scaler("ScaledObject"), "metadata": {"name": "w", "namespace": "else"}}, None),
    ],
)
def test_a_second_writer_of_replicas_is_named(raw: dict[str, Any], wanted: str | None) -> None:
    assert workloads_of(MD, [deployment()], [], [raw])[0].foreign_scaler == wanted


def test_the_scaled_object_comes_before_the_hpa_that_keda_made_of_it() -> None:
    pair = [scaler("HorizontalPodAutoscaler", "keda-hpa-web"), scaler("ScaledObject")]
    assert workloads_of(MD, [deployment()], [], pair)[0].foreign_scaler == "ScaledObject web"


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}, "f1"),
        ({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3}, None),
        ({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1}, None),
        ({}, None),
    ],
)
def test_what_pods_run_is_known_once_all_are_of_the_newest_template(
    status: dict[str, int], found: str | None
) -> None:
    """An answer of the older image would be taken for the newer one's."""
    raw = deployment()
    raw["metadata"]["generation"] = 2
    raw["metadata"]["annotations"]["trimtab.dev/answers-of"] = "f1"
    (workload,) = workloads_of(MD, [{**raw, "status": status}], [])
    assert workload.fingerprint == found


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 25, "-4", "0", "²", "4 ", "1e3"])
def test_nonsense_in_an_annotation_is_no_number_and_no_end(text: str) -> None:
    """Python refuses to read a number of 5000 digits: one kubectl annotate stopped every model."""
    raw = deployment()
    raw["metadata"]["annotations"] = {
        "trimtab.dev/batch-cap": text,
        "trimtab.dev/queue-size": text,
    }
    (found,) = workloads_of(MD, [raw], [])
    assert (found.batch_cap, found.queue_size) == (None, None)


@pytest.mark.parametrize("spec", [None, True, [], {"scaleTargetRef": "classifier-fp32-l4"}])
def test_a_scaled_object_of_another_shape_scales_nothing(spec: object) -> None:
    scaled = {"kind": "ScaledObject", "metadata": {"name": "s", "namespace": "shop"}, "spec": spec}
    (found,) = workloads_of(MD, [deployment()], [], [scaled])
    assert found.foreign_scaler is None
