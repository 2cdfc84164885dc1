"""Two operators, one of which leads: it is killed and told to go under a steady load."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from kubernetes.client import CoordinationV1Api
from kubernetes.config import new_client_from_config
from kubernetes.watch import Watch

from e2e.kit.access import Access, wait_for
from e2e.kit.background import Background
from e2e.kit.install import NAMESPACE, RELEASE, Images, install_prometheus, install_trimtab
from e2e.kit.operator import Operator
from e2e.kit.processes import signal_pod
from e2e.kit.saturation import easy_load
from e2e.kit.served import CHILD_KINDS, Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import summarise

LOAD_S = 180


class Operators(Operator):
    """The operator's pods and their Lease."""

    def lease(self) -> dict[str, Any]:
        """What the Lease says."""
        return dict(self.access.json("lease", RELEASE, "-n", NAMESPACE)["spec"])

    def leader(self) -> str:
        """The pod that holds the Lease; empty where none does."""
        return str(self.lease().get("holderIdentity") or "").rpartition("_")[0]

    def await_leader(self, *, other_than: str = "") -> str:
        """Waits until a pod that exists holds the Lease, and returns it."""
        found = ""

        def led() -> bool:
            nonlocal found
            found = self.leader()
            return found not in ("", other_than)

        wait_for("a leader", led, seconds=60, period_s=0.1)
        return found

    def delete(self, pod: str) -> None:
        """Deletes a pod and waits for nothing."""
        self.access.kubectl("-n", NAMESPACE, "delete", "pod", pod, "--wait=false")

    def kill(self, pod: str) -> None:
        """SIGKILL on the node itself: even a forced deletion sends SIGTERM first, and who is told
        to go hands over."""
        uid = self.access.json("pod", pod, "-n", NAMESPACE)["metadata"]["uid"]
        killed = signal_pod(uid, "trimtab", signal.SIGKILL)
        assert killed, f"no process of {pod} on this machine"


class LeaseWatch(Background):
    """Every state of the Lease: one who reads it again and again can miss the moment between the
    one who gave it up and the next."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        api = new_client_from_config(str(access.kubeconfig))
        self._list = CoordinationV1Api(api).list_namespaced_lease
        self.seen: list[dict[str, Any]] = []

    def _run(self) -> None:
        # Renewed every 2 s, so this one is left as soon.
        for event in Watch().stream(
            self._list, NAMESPACE, field_selector=f"metadata.name={RELEASE}", timeout_seconds=120
        ):
            self.seen.append(event["raw_object"]["spec"])
            if self._left.is_set():
                return


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def operators(access: Access, images: Images, operator: None) -> Iterator[Operators]:
    """A second replica for the story; one again afterwards."""
    url = install_prometheus(access, images)
    install_trimtab(access, images, url, "--set", "roomForBursts=false", "--set", "replicas=2")
    yield Operators(access)
    install_trimtab(access, images, url, "--set", "roomForBursts=false")


@pytest.fixture(scope="module")
def load(stage: Stage, operators: Operators, most: float) -> Iterator[LoadProcess]:
    """A steady load that one replica has no trouble with."""
    stage.put(stage.digits(scaling={"minReplicas": 1, "maxReplicas": 4}))
    stage.await_condition("Ready", "True", seconds=240)
    with stage.load(stage.way_in(), f"{LOAD_S}s@{easy_load(most)}", seed=5) as process:
        wait_for("the load to begin", lambda: process.started_at_s is not None, seconds=20)
        yield process


def test_1_one_leads_and_the_other_stands_by(operators: Operators, load: LoadProcess) -> None:
    leader = operators.await_leader()
    (follower,) = [pod for pod in operators.names() if pod != leader]
    led, stood_by = operators.metrics(leader), operators.metrics(follower)
    assert (led["trimtab_leader"], stood_by["trimtab_leader"]) == (1.0, 0.0)
    wrote = {n for n, v in stood_by.items() if n.startswith("trimtab_api_writes_total") and v}
    told = {name for name in stood_by if "modeldeployment=" in name}
    assert (wrote, told) == (set(), set())


def test_2_a_killed_leader_is_followed(
    access: Access, stage: Stage, operators: Operators, load: LoadProcess
) -> None:
    if access.embedded is None:
        pytest.skip("the node's processes cannot be reached")
    leader, before = operators.await_leader(), operators.lease()
    killed_s = time.time()
    operators.kill(leader)
    stage.put(stage.digits(scaling={"minReplicas": 2, "maxReplicas": 4}))
    heir = operators.await_leader(other_than=leader)
    print(f"taken over {time.time() - killed_s:.1f} s after the leader was killed")
    wait_for("its first write", lambda: stage.replicas() == 2, seconds=60)
    print(f"and the new promise was kept {time.time() - killed_s:.1f} s after")
    assert heir in operators.names()
    assert operators.lease()["leaseTransitions"] == before["leaseTransitions"] + 1
    stage.await_operator()


def test_3_a_leader_that_is_told_to_go_hands_over(
    stage: Stage, operators: Operators, load: LoadProcess
) -> None:
    leader, before = operators.await_leader(), operators.lease()
    told_s = time.time()
    operators.delete(leader)
    stage.put(stage.digits(scaling={"minReplicas": 3, "maxReplicas": 4}))
    operators.await_leader(other_than=leader)
    print(f"taken over {time.time() - told_s:.1f} s after the leader was told to go")
    wait_for("its first write", lambda: stage.replicas() == 3, seconds=60)
    print(f"and the new promise was kept {time.time() - told_s:.1f} s after")
    assert operators.lease()["leaseTransitions"] == before["leaseTransitions"] + 1
    stage.await_operator()


def test_4_an_upgrade_costs_no_lease_time_and_changes_nothing_that_serves(
    access: Access, images: Images, stage: Stage, operators: Operators, load: LoadProcess
) -> None:
    """With one replica: the new pod stands by before the old one is told to go."""
    url = install_prometheus(access, images)
    values = ("--set", "roomForBursts=false", "--set", "replicas=1")
    install_trimtab(access, images, url, *values)
    wait_for(
        "one operator, which leads", lambda: [operators.leader()] == operators.names(), seconds=60
    )
    (old,) = operators.names()
    before, served = operators.lease(), _what_serves(stage)
    with LeaseWatch(access) as leases:
        install_trimtab(access, images, url, *values, "--set", "podLabels.rolled=yes")
        wait_for("the new one to lead", lambda: operators.leader() not in ("", old), seconds=60)
    upgraded_s = time.time()
    wait_for("its first decision", lambda: stage.operator.has_ticked_since(upgraded_s), seconds=60)
    assert _what_serves(stage) == served
    ended = max(_time(x["renewTime"]) for x in leases.seen if not x.get("holderIdentity"))
    after = operators.lease()
    print(f"nobody led for {(_time(after['acquireTime']) - ended).total_seconds():.1f} s")
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1


def _what_serves(stage: Stage) -> set[tuple[str, str, int]]:
    """The pods and all that they are made from, each in the generation that it is in."""
    found = set()
    for kind in ("pods", *CHILD_KINDS):
        for obj in stage.get(kind)["items"]:
            meta = obj["metadata"]
            found.add((obj["kind"], meta["uid"], meta.get("generation", 0)))
    return found


def test_5_no_request_failed(load: LoadProcess) -> None:
    everything = summarise(load.report(LOAD_S + 60).results)
    print(f"connections refused and tried again: {everything.connect_retries}")
    assert everything.failed == 0, everything.errors
