"""Kubernetes in trouble: its API server, its store and its node go, and come back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from e2e.cluster.component import Component
from e2e.cluster.specs import NODE_NAME
from e2e.kit.access import wait_for
from e2e.kit.steady import MOST_REPLICAS, TICKS_TO_HARM, Steady, same_twice

GONE_S = 8.0


@pytest.mark.parametrize("part", ["kube-apiserver", "etcd"])
def test_who_decides_outlives_the_api(steady: Steady, part: str) -> None:
    steady.settle()
    before = life(steady)
    # The one more that is asked for below, where the fleet is as large as it may be.
    with steady.unharmed(most=MOST_REPLICAS + 1):
        down = component(steady, part)
        down.kill()
        time.sleep(GONE_S)
        down.start()
        wait_for("the API server", component(steady, "kube-apiserver").healthy, seconds=60)
        steady.await_ticks(TICKS_TO_HARM)
        # The watches were cut: the full listing comes far too late for who waits for an answer.
        more = steady.now.replicas + 1
        steady.stage.put(same_twice(steady.stage, least=more))
        wait_for("what was asked for", lambda: steady.now.replicas == more, seconds=60)
        steady.settle()
    steady.stage.put(same_twice(steady.stage))
    # With all that it remembers: a restart would forget the load, and how fast a replica is.
    assert life(steady) == before


def test_a_node_that_is_lost_changes_nothing(steady: Steady) -> None:
    steady.settle()
    before, names = steady.now.replicas, pod_names(steady)
    kubelet = component(steady, "kubelet")
    # Kubernetes itself sends nothing to the pods of such a node.
    with steady.unharmed(cut_off=True):
        kubelet.stop()
        try:
            report_lost(steady)
            steady.stage.await_condition("Ready", "False", seconds=30)
            began_s = time.time()
            steady.await_ticks(TICKS_TO_HARM)
            # Nor is more ordered than is there: it has no room.
            steady.stage.put(same_twice(steady.stage, least=before + 1))
            steady.await_ticks(TICKS_TO_HARM)
            assert len({m.replicas for m in steady.since(began_s)}) == 1
        finally:
            kubelet.start()
            # Nothing came while the node was away, and the windows hold that for longer than the
            # few seconds for which this model keeps what it has.
            steady.stage.put(same_twice(steady.stage, least=before))
        wait_for("pods that are Ready", lambda: steady.now.ready >= before, seconds=60)
        assert names <= pod_names(steady)
        steady.settle()
    steady.stage.put(same_twice(steady.stage))


def pod_names(steady: Steady) -> set[str]:
    """Of the pods that are not on their way out."""
    return {p["metadata"]["name"] for p in steady.pods()}


def component(steady: Steady, name: str) -> Component:
    """A part of the embedded cluster."""
    cluster = steady.stage.access.embedded
    assert cluster is not None
    return cluster.component(name)


def life(steady: Steady) -> list[tuple[str, int]]:
    """Which operator it is, and how often it was started."""
    return [(p["metadata"]["uid"], *restarts(p)) for p in steady.stage.operator.pods()]


def restarts(pod: dict[str, Any]) -> list[int]:
    """Of each container."""
    return [c["restartCount"] for c in pod["status"]["containerStatuses"]]


def report_lost(steady: Steady) -> None:
    """What the controller manager writes of a node that it has not heard of for most of a minute,
    and of its pods."""
    kubectl = steady.stage.access.kubectl
    kubectl("patch", "node", NODE_NAME, "--subresource=status", "-p", not_ready("Unknown"))
    for pod in steady.pods():
        place = ("-n", steady.stage.namespace, pod["metadata"]["name"])
        kubectl("patch", "pod", *place, "--subresource=status", "-p", not_ready("False"))


def not_ready(status: str) -> str:
    """A patch of a status."""
    told = {"type": "Ready", "status": status, "reason": "NodeStatusUnknown", "message": "lost"}
    return json.dumps({"status": {"conditions": [told]}})
