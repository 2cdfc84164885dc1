"""Removing the cluster without a trace, from whatever state it is in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from e2e.cluster import cgroups, firewall, footprint, mounts, network, processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import Paths


def down(paths: Paths) -> None:
    """Take every step, also when one before it failed, and then tell what failed."""
    failures: list[str] = []
    steps: tuple[Callable[[], None], ...] = (
        # First of all the processes: what is alive would make anew what is removed.
        cgroups.kill_members,
        processes.reap,
        lambda: mounts.unmount_under(paths.state, paths.staging),
        network.remove_links,
        firewall.remove_rules,
        cgroups.remove,
        lambda: footprint.restore(paths.state),
        lambda: _remove(paths.state),
        lambda: _remove(paths.staging),
    )
    for act in steps:
        try:
            act()
        except (ClusterError, OSError) as error:
            failures.append(str(error))
    if failures:
        raise ClusterError("the cluster is not wholly gone:\n" + "\n".join(failures))


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    # A pod's volume may be a folder of the user's, mounted below ours: to remove ours through
    # such a mount would remove theirs.
    left = mounts.under(folder, Path("/proc/self/mountinfo").read_text())
    if left:
        raise ClusterError(f"still mounted: {', '.join(str(point) for point in left)}")
    shutil.rmtree(folder)
