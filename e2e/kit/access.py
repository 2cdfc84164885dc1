"""A cluster and the programs that speak to it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import Cluster

ROOT = Path(__file__).parents[2]


class CommandFailed(RuntimeError):  # noqa: N818 - it names what happened
    """kubectl or helm said no; the message is its own."""


@dataclass(frozen=True)
class Access:
    """A cluster and the programs that speak to it. `embedded` is None for a cluster of others."""

    kubeconfig: Path
    kubectl_bin: str
    helm_bin: str
    embedded: Cluster | None

    def kubectl(self, *argv: str, stdin: str | None = None, check: bool = True) -> str:
        """Runs kubectl and returns what it prints; with check=False errors are returned too."""
        return _run([self.kubectl_bin, f"--kubeconfig={self.kubeconfig}", *argv], stdin, check)

    def helm(self, *argv: str) -> str:
        """Runs helm and returns what it prints."""
        return _run([self.helm_bin, f"--kubeconfig={self.kubeconfig}", *argv], None, True)

    def json(self, *argv: str) -> Any:
        """`kubectl get … -o json`, read."""
        return json.loads(self.kubectl("get", *argv, "-o", "json"))

    def apply(self, manifest: str) -> str:
        """`kubectl apply` of a text."""
        return self.kubectl("apply", "-f", "-", stdin=manifest)


def listed(objects: Iterable[Any]) -> str:
    """Several objects as one manifest."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def wait_for(
    what: str,
    ready: Callable[[], bool],
    *,
    seconds: float,
    period_s: float = 0.5,
    told: Callable[[], object] | None = None,
) -> float:
    """Waits until `ready()`; returns the seconds it took; raises TimeoutError naming `what`, with
    what there is to tell of it by then."""
    started = time.monotonic()
    while not ready():
        if time.monotonic() - started > seconds:
            late = f"{what}: not within {seconds:g} s"
            raise TimeoutError(f"{late}; {told()}" if told else late)
        time.sleep(period_s)
    return time.monotonic() - started


def _run(command: list[str], stdin: str | None, check: bool) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise CommandFailed(f"{Path(command[0]).name} {' '.join(command[2:6])} …: {said}")
    return done.stdout if check else done.stdout + done.stderr
