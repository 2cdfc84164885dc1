"""The cluster to work on: the one KUBECONFIG names, or the embedded one, without what was left."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster import Cluster
from e2e.cluster.progress import step
from e2e.kit.access import Access, CommandFailed
from e2e.kit.served import STAGES


def reach(*, audit: bool = False) -> Access:
    """The cluster of KUBECONFIG where that is set, else the embedded one, brought up.

    A cluster of others is used as it is: nothing is built, started or removed for it. On the
    embedded one, what a session left that was killed goes first. audit: it keeps a log of what its
    API server is asked.
    """
    cluster = Cluster()
    given = os.environ.get("KUBECONFIG", "")
    kubectl = str(Path(sys.executable).parent / "kubectl")
    if given and Path(given).resolve() != cluster.kubeconfig.resolve():
        helm = shutil.which("helm")
        if helm is None:
            raise CommandFailed("helm is not on PATH; it is needed for the cluster of KUBECONFIG")
        return Access(Path(given), kubectl, helm, None)
    cluster.up(audit=audit)
    access = Access(cluster.kubeconfig, kubectl, str(cluster.bin("helm")), cluster)
    _sweep(access)
    return access


def left_behind(namespaces: Iterable[str]) -> list[str]:
    """Those of them that are a Stage of a process that is no more."""
    stages = [name for name in namespaces if name.startswith(STAGES)]
    return [name for name in stages if not _lives(name.removeprefix(STAGES).partition("-")[0])]


def _sweep(access: Access) -> None:
    """Removes the stages of sessions that were killed: their models would go on to hold the CPU
    that others wait for."""
    found = access.kubectl("get", "namespaces", "-o", "name").split()
    left = left_behind(name.removeprefix("namespace/") for name in found)
    if left:
        with step("removing what a session that was killed left", "40 s"):
            access.kubectl("delete", "namespace", *left, "--timeout=180s")


def _lives(pid: str) -> bool:
    return pid.isdecimal() and Path("/proc", pid).exists()
