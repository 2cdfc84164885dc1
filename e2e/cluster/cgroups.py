"""One cgroup that holds every process of the cluster, pods included.

It is what makes `down` complete: whoever is in it was started by us or by something we started,
also when the tool that kept the records was killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from e2e.cluster.errors import ClusterError

NAME = "trimtab-cluster"
_V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")


def hierarchies(mounts: str) -> tuple[list[Path], bool]:
    """The mounted cgroup roots out of /proc/mounts, and whether this is plain version 2."""
    v1: list[Path] = []
    v2: list[Path] = []
    for line in mounts.splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup":
            v1.append(Path(where))
        elif kind == "cgroup2":
            v2.append(Path(where))
    return (v1, False) if v1 else (v2, True)


def _mounted() -> tuple[list[Path], bool]:
    return hierarchies(Path("/proc/mounts").read_text())


def create() -> Path:
    """Make our cgroup in every hierarchy and return the folder that our processes join."""
    roots, unified = _mounted()
    if not roots:
        raise ClusterError("no cgroup file system is mounted on this machine")
    for root in roots:
        ours = root / NAME
        ours.mkdir(exist_ok=True)
        if unified:
            _delegate(root)
            _delegate(ours)
        elif (root / "cpuset.cpus").exists():
            # Version 1 starts a cpuset empty, and an empty one takes no process.
            for knob in ("cpuset.cpus", "cpuset.mems"):
                (ours / knob).write_text((root / knob).read_text())
    # Only one hierarchy is needed to keep count of the control plane. Not `memory`: what limits
    # this process shall go on limiting what it starts.
    keeper = next((root for root in roots if root.name == "pids"), roots[0])
    system = keeper / NAME / "system"
    system.mkdir(exist_ok=True)
    return system


def _delegate(folder: Path) -> None:
    for controller in _V2_CONTROLLERS:
        with contextlib.suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def ours() -> list[Path]:
    """Our cgroup's folders that exist, one for each hierarchy."""
    # Of both versions: where both are mounted, runc makes ours also in the one it does not use.
    kinds = ("cgroup", "cgroup2")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    roots = [Path(where) for _, where, kind, *_ in mounts if kind in kinds]
    return [root / NAME for root in roots if (root / NAME).is_dir()]


def members() -> set[int]:
    """Every process that is in our cgroup in any hierarchy."""
    found: set[int] = set()
    for top in ours():
        for folder in _deepest_first(top):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found


def kill_members(patience: float = 20.0) -> None:
    """End all that is in our cgroup. Repeated, since a process may fork while it is counted."""
    deadline = time.monotonic() + patience
    while pids := members():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"these processes of the cluster do not end: {sorted(pids)}")
        time.sleep(0.05)


def remove(patience: float = 10.0) -> None:
    """Remove our cgroups; the kernel may hold one busy for a moment after its last process."""
    deadline = time.monotonic() + patience
    while tops := ours():
        for top in tops:
            for folder in _deepest_first(top):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        if time.monotonic() > deadline:
            raise ClusterError(f"these cgroups cannot be removed: {[str(top) for top in tops]}")
        time.sleep(0.05)


def _deepest_first(top: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(top, topdown=False):
        yield Path(folder)
