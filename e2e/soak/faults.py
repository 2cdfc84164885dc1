"""The faults that a soak draws from: when each can be done, what it does and takes back, and when
all is well again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from e2e.kit.access import CommandFailed, wait_for
from e2e.kit.install import NAMESPACE, RELEASE
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
    """A fault. do: returns once it is taken back, with the model whose pod it killed, if it did;
    recovered: whether all is well again after that time (epoch seconds); possible: whether it can
    be done now. embedded: only on the embedded cluster, whose processes are ours."""

    name: str
    do: Callable[[Target], str | None]
    recovered: Callable[[Target, float], bool]
    possible: Callable[[Target], bool] = lambda _: True
    blinds: bool = False
    embedded: bool = False


def inject(kind: Kind, target: Target) -> Fault:
    """Does it, waits until all is well again, and tells how long that took."""
    at_s = time.time()
    killed = kind.do(target)
    ended_s = time.time()
    try:
        recovery_s: float | None = wait_for(
            f"recovery from {kind.name}",
            lambda: _holds(lambda: kind.recovered(target, ended_s)),
            seconds=_RECOVERY_S,
        )
    except TimeoutError:
        recovery_s = None
    return Fault(kind.name, at_s, ended_s, recovery_s, killed, kind.blinds)


def kinds_for(target: Target) -> Sequence[Kind]:
    """Those that can be done here and now."""
    own = target.stage.access.embedded is not None
    return [k for k in KINDS if (own or not k.embedded) and k.possible(target)]


def _holds(check: Callable[[], bool]) -> bool:
    # A fault may have taken the API server: that is no recovery, and no end of the run.
    try:
        return check()
    except (CommandFailed, KeyError, IndexError, ValueError):
        return False


def _kill_operator(target: Target) -> None:
    target.stage.kill_operator()
    time.sleep(1.0)  # the Deployment still counts the old pod as Ready


def _operator_is_back(target: Target, since_s: float) -> bool:
    found = target.stage.access.json("deployment", RELEASE, "-n", NAMESPACE)
    return bool(found["status"].get("readyReplicas")) and target.stage.operator.has_ticked_since(
        since_s
    )


def _take_prometheus(target: Target) -> None:
    target.stage.stop_prometheus()
    time.sleep(target.rng.uniform(*_PROMETHEUS_AWAY_S))
    target.stage.start_prometheus()


def _metrics_are_there(target: Target, since_s: float) -> bool:
    return all(
        target.stage.condition("MetricsAvailable", name)[0] == "True" for name in target.models
    )


def _kill_pod(target: Target) -> str:
    """One that serves, of the model with most of them; returns that model."""
    name = max(target.models, key=lambda m: len(_ready_pods(target, m)))
    target.stage.kubectl(
        *("delete", "pod", target.rng.choice(_ready_pods(target, name))),
        *("--grace-period=0", "--force", "--wait=false"),
    )
    return name


def _one_can_be_spared(target: Target) -> bool:
    """The last pod's clients would have nowhere to go, whatever anybody does."""
    return any(len(_ready_pods(target, name)) >= 2 for name in target.models)


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


def _all_serve(target: Target, since_s: float) -> bool:
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


def _decides_on_metrics(target: Target, since_s: float) -> bool:
    return _metrics_are_there(target, since_s) and _operator_is_back(target, since_s)


KINDS = (
    Kind("operator killed", _kill_operator, _operator_is_back),
    Kind("Prometheus away", _take_prometheus, _metrics_are_there, blinds=True),
    Kind("serving pod killed", _kill_pod, _all_serve, _one_can_be_spared),
    Kind("API server restarted", _restart("kube-apiserver"), _decides_on_metrics, embedded=True),
    Kind("etcd restarted", _restart("etcd"), _decides_on_metrics, embedded=True),
)
