"""Two operators, one of which leads: it is killed and told to go under a steady load."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.kit.access import Access, wait_for
from e2e.kit.install import NAMESPACE, RELEASE, Images, install_prometheus, install_trimtab
from e2e.kit.saturation import easy_load
from e2e.kit.served import Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import summarise

LOAD_S = 180


class Operators:
    """The operator's pods and their Lease."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def pods(self) -> list[str]:
        """Names of those that are not on their way out."""
        found = self._access.json("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=trimtab")
        return [
            p["metadata"]["name"]
            for p in found["items"]
            if not p["metadata"].get("deletionTimestamp")
        ]

    def lease(self) -> dict[str, Any]:
        """What the Lease says."""
        return dict(self._access.json("lease", RELEASE, "-n", NAMESPACE)["spec"])

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

    def metrics(self, pod: str) -> dict[str, float]:
        """The operator's own series, from its pod."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/metrics"
        text = self._access.kubectl("get", "--raw", path)
        lines = re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in lines}

    @contextmanager
    def watched(self) -> Iterator[list[dict[str, Any]]]:
        """Collects what the Lease says, from a thread of its own."""
        seen: list[dict[str, Any]] = []
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                seen.append(self.lease())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join(timeout=15)

    def delete(self, pod: str) -> None:
        """Deletes a pod and waits for nothing."""
        self._access.kubectl("-n", NAMESPACE, "delete", "pod", pod, "--wait=false")

    def kill(self, pod: str) -> None:
        """SIGKILL on the node itself: even a forced deletion sends SIGTERM first, and who is told
        to go hands over."""
        uid = self._access.json("pod", pod, "-n", NAMESPACE)["metadata"]["uid"]
        inside = [p for p in Path("/proc").glob("[0-9]*") if _is_operator(p, uid)]
        assert inside, f"no process of {pod} on this machine"
        for process in inside:
            os.kill(int(process.name), signal.SIGKILL)


def _is_operator(process: Path, pod_uid: str) -> bool:
    try:
        cgroup = (process / "cgroup").read_text().replace("_", "-")
        return pod_uid in cgroup and b"/etc/trimtab/" in (process / "cmdline").read_bytes()
    except OSError:
        return False


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
    (follower,) = [pod for pod in operators.pods() if pod != leader]
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
    assert heir in operators.pods()
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


def test_4_an_upgrade_costs_no_lease_time(
    access: Access, images: Images, operators: Operators, load: LoadProcess
) -> None:
    """With one replica: the new pod stands by before the old one is told to go."""
    url = install_prometheus(access, images)
    values = ("--set", "roomForBursts=false", "--set", "replicas=1")
    install_trimtab(access, images, url, *values)
    wait_for(
        "one operator, which leads", lambda: [operators.leader()] == operators.pods(), seconds=60
    )
    (old,) = operators.pods()
    before = operators.lease()
    with operators.watched() as leases:
        install_trimtab(access, images, url, *values, "--set", "podLabels.rolled=yes")
        wait_for("the new one to lead", lambda: operators.leader() not in ("", old), seconds=60)
    ended = max(_time(x["renewTime"]) for x in leases if not x.get("holderIdentity"))
    after = operators.lease()
    print(f"nobody led for {(_time(after['acquireTime']) - ended).total_seconds():.1f} s")
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1


def test_5_no_request_failed(load: LoadProcess) -> None:
    everything = summarise(load.report(LOAD_S + 60).results)
    print(f"connections refused and tried again: {everything.connect_retries}")
    assert everything.failed == 0, everything.errors
