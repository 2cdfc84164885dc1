"""Pods in trouble: those that serve go on, and what is wrong with the others is said."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.kit.access import Access, wait_for
from e2e.kit.faulty_prometheus import FaultyPrometheus
from e2e.kit.install import Images
from e2e.kit.processes import signal_pod
from e2e.kit.served import Stage
from e2e.kit.steady import TICKS_TO_HARM, Steady, same_twice

# No registry answers there, and so at once.
NO_IMAGE = "127.0.0.1:9/no-such-image:1"
TRITON = "tritonserver"
STUCK_S = 6.0
PATIENCE_S = 240.0  # with a twentieth of a core, beside a load that takes the rest


def test_a_killed_server_is_no_load_that_went(steady: Steady) -> None:
    steady.settle()
    steady.await_old_pods()
    with steady.unharmed(may_fail=steady.lost_with_a_pod()):
        pod = steady.pods()[0]
        assert signal_pod(pod["metadata"]["uid"], TRITON, signal.SIGKILL)
        # In its place: another pod would have another name, and none of its restarts.
        wait_for("its restart", lambda: restarts(steady, pod) > 0, seconds=30)
        steady.settle()
        # Its counters began anew at zero, and lie for one long window.
        steady.await_ticks(TICKS_TO_HARM)


def test_a_server_that_hangs_is_no_load_that_went(steady: Steady) -> None:
    steady.settle()
    steady.await_old_pods()
    with steady.unharmed():
        uid = steady.pods()[0]["metadata"]["uid"]
        assert signal_pod(uid, TRITON, signal.SIGSTOP)
        try:
            steady.stage.await_condition("MetricsAvailable", "False", seconds=30)
            assert steady.stage.condition("MetricsAvailable")[1] == "PodWithoutSeries"
            time.sleep(STUCK_S)
        finally:
            signal_pod(uid, TRITON, signal.SIGCONT)
        steady.settle()


def test_a_rollout_to_an_image_that_is_missing_takes_no_serving_pod(steady: Steady) -> None:
    steady.settle()
    began_s, before = time.time(), steady.now.replicas
    with steady.unharmed():
        model = same_twice(steady.stage)
        model["spec"]["triton"]["image"] = NO_IMAGE
        steady.stage.put(model)
        try:
            wait_for(
                "a condition that says so",
                lambda: steady.stage.condition("Reconciling") == ("True", "PodsWaiting"),
                seconds=40,
            )
            steady.await_ticks(TICKS_TO_HARM)
            assert steady.stage.condition("Ready") == ("True", "Serving")
        finally:
            steady.stage.put(same_twice(steady.stage))
        # Of what is asked for, no more and no fewer, all serve.
        assert all(m.ready >= min(before, m.replicas) for m in steady.since(began_s))
        steady.settle()


@pytest.fixture(scope="module")
def troubled(access: Access, images: Images, faulty: FaultyPrometheus) -> Iterator[Stage]:
    """A namespace with a model for every trouble; all begin at once, as each takes its time."""
    with Stage(access, images) as stage:
        for klass in (
            accelerator("small", {"cpu": "50m", "memory": "256Mi"}),
            # Of 24 MiB the kernel reads pages again and again for minutes before it kills.
            accelerator("tiny", {"cpu": "50m", "memory": "12Mi"}),
            accelerator("absent", {"cpu": "50m", "trimtab.test/npu": "1"}),
        ):
            stage.put(klass)
        put(stage, "no-image", image=NO_IMAGE)
        put(stage, "no-folder", path="digits/nowhere")
        put(stage, "no-memory", klass="tiny")
        put(stage, "no-accelerator", klass="absent")
        yield stage
        access.kubectl("delete", "acceleratorclass", "small", "tiny", "absent")


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("no-image", "PodsWaiting", "check spec.triton.image"),
        ("no-folder", "PodsWaiting", "nowhere"),
        ("no-memory", "PodsWaiting", "raise memory in spec.resources"),
        ("no-accelerator", "NoReplicas", "SLOMet says why"),
    ],
)
def test_a_pod_that_cannot_start_is_explained(
    troubled: Stage, name: str, reason: str, words: str
) -> None:
    await_said(troubled, name, "Ready", reason, words)
    # Trying more of what does not start would only be in the way of others.
    selector = f"trimtab.dev/model-deployment={name}"
    assert len(troubled.get("pods", "-l", selector)["items"]) <= 1


def test_no_accelerator_free_names_the_mend(troubled: Stage) -> None:
    words = "add nodes that the AcceleratorClass selects"
    await_said(troubled, "no-accelerator", "SLOMet", "NoCapacity", words)


@pytest.mark.parametrize(
    ("limited", "kind", "reason"),
    [("pods", "Ready", "PodsRefused"), ("count/deployments.apps", "Stalled", "ApplyRefused")],
)
def test_a_quota_is_named(troubled: Stage, limited: str, kind: str, reason: str) -> None:
    with Stage(troubled.access, troubled.images) as stage:
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {limited: "0"}}}
        stage.put(quota | {"metadata": {"name": "nothing", "namespace": stage.namespace}})
        put(stage, "refused")
        await_said(stage, "refused", kind, reason, "exceeded quota: nothing")
        stage.kubectl("delete", "resourcequota", "nothing")
        stage.await_condition("Stalled", "False", name="refused", seconds=40)
        # The ReplicaSet tries again by itself, later each time; what it made then is not for us.


def put(
    stage: Stage, name: str, *, image: str = "", path: str = "digits/int8", klass: str = "small"
) -> None:
    """A model with one thing wrong."""
    model = stage.digits(name)
    fast = next(v for v in model["spec"]["variants"] if v["name"] == "int8")
    fast["source"]["image"]["path"] = path
    fast["acceleratorClasses"] = [klass]
    fast["profile"][0]["acceleratorClass"] = klass
    model["spec"]["variants"] = [fast]
    model["spec"]["triton"]["image"] = image or model["spec"]["triton"]["image"]
    stage.put(model)


def accelerator(name: str, resources: dict[str, str]) -> dict[str, Any]:
    """A class of that name."""
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": {"resources": resources, "pricePerHour": "0.01"},
    }


def await_said(stage: Stage, name: str, kind: str, reason: str, words: str) -> None:
    """Waits until a condition has that reason, and those words in its message."""

    def said() -> bool:
        told = [c for c in stage.status(name).get("conditions", ()) if c["type"] == kind]
        return any(c["reason"] == reason and words in c["message"] for c in told)

    wait_for(
        f"{name}: {kind} for {reason}, and {words!r}",
        said,
        seconds=PATIENCE_S,
        told=lambda: json.dumps(stage.status(name)),
    )


def restarts(steady: Steady, pod: dict[str, Any]) -> int:
    """Of the pod's containers, so far."""
    now = steady.stage.get("pod", pod["metadata"]["name"])
    return sum(c["restartCount"] for c in now["status"].get("containerStatuses", ()))
