"""The faults that a soak draws from: what each does, takes back, and when all is well again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from e2e.kit.access import CommandFailed, wait_for
from e2e.kit.served import Stage
from e2e.soak.verdict import Fault

_RECOVERY_S = 120.0
_PROMETHEUS_AWAY_S = (30.0, 75.0)
_SERVER_AWAY_S = (2.0, 8.0)


@dataclass(frozen=True)
class Target:
    """What faults are done to: a stage with models on it."""

    stage: Stage
    models: tuple[str, ...]
    rng: random.Random


@dataclass(frozen=True)
class Kind:
    """A fault. do: returns once it is taken back; recovered: all is well again. embedded: only on
    the embedded cluster, whose processes are ours."""

    name: str
    do: Callable[[Target], None]
    recovered: Callable[[Target], bool]
    kills: bool = False
    blinds: bool = False
    embedded: bool = False


def inject(kind: Kind, target: Target) -> Fault:
    """Does it, waits until all is well again, and tells how long that took."""
    at_s = time.time()
    kind.do(target)
    ended_s = time.time()
    try:
        recovery_s: float | None = wait_for(
            f"recovery from {kind.name}",
            lambda: _holds(lambda: kind.recovered(target)),
            seconds=_RECOVERY_S,
        )
    except TimeoutError:
        recovery_s = None
    return Fault(kind.name, at_s, ended_s, recovery_s, kind.kills, kind.blinds)


def kinds_for(target: Target) -> Sequence[Kind]:
    """Those that this cluster allows."""
    own = target.stage.access.embedded is not None
    return [kind for kind in KINDS if own or not kind.embedded]


def _holds(check: Callable[[], bool]) -> bool:
    # A fault may have taken the API server: that is no recovery, and no end of the run.
    try:
        return check()
    except (CommandFailed, KeyError, IndexError):
        return False


def _kill_operator(target: Target) -> None:
    target.stage.kill_operator()
    time.sleep(1.0)  # the Deployment still counts the old pod as Ready


def _operator_is_ready(target: Target) -> bool:
    found = target.stage.access.json("deployment", "trimtab", "-n", "trimtab-system")
    return bool(found["status"].get("readyReplicas"))


def _take_prometheus(target: Target) -> None:
    target.stage.stop_prometheus()
    time.sleep(target.rng.uniform(*_PROMETHEUS_AWAY_S))
    target.stage.start_prometheus()


def _metrics_are_there(target: Target) -> bool:
    return all(
        target.stage.condition("MetricsAvailable", name)[0] == "True" for name in target.models
    )


def _kill_pod(target: Target) -> None:
    """One that serves, of the model with most of them: the last one's clients would have nowhere to
    go, whatever anybody does."""
    pods = max((_ready_pods(target, name) for name in target.models), key=len)
    if len(pods) < 2:
        return
    target.stage.kubectl(
        "delete", "pod", target.rng.choice(pods), "--grace-period=0", "--force", "--wait=false"
    )


def _ready_pods(target: Target, name: str) -> list[str]:
    found = target.stage.get("pods", "-l", f"trimtab.dev/model-deployment={name}")["items"]
    return [
        pod["metadata"]["name"]
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        and any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in pod["status"].get("conditions", ())
        )
    ]


def _all_serve(target: Target) -> bool:
    return all(
        len(_ready_pods(target, name)) >= target.stage.replicas(name) for name in target.models
    )


def _restart(component: str) -> Callable[[Target], None]:
    def do(target: Target) -> None:
        cluster = target.stage.access.embedded
        assert cluster is not None
        process = cluster.component(component)
        process.stop()
        time.sleep(target.rng.uniform(*_SERVER_AWAY_S))
        process.start()

    return do


def _decides_again(target: Target) -> bool:
    """A decision that is younger than this check's fault: its time is in the status."""
    return _operator_is_ready(target) and _metrics_are_there(target)


KINDS = (
    Kind("operator killed", _kill_operator, _operator_is_ready),
    Kind("Prometheus away", _take_prometheus, _metrics_are_there, blinds=True),
    Kind("serving pod killed", _kill_pod, _all_serve, kills=True),
    Kind("API server restarted", _restart("kube-apiserver"), _decides_again, embedded=True),
    Kind("etcd restarted", _restart("etcd"), _decides_again, embedded=True),
)
