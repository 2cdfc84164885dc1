"""The processes of a pod on the embedded cluster's node, by their pids."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from e2e.cluster import cgroups


def pids_of_pod(uid: str, word: str) -> set[int]:
    """Those of the pod with that uid whose command line has the word in it."""
    found: set[int] = set()
    for top in cgroups.ours():
        for folder, _, _ in os.walk(top):
            if f"pod{uid}" in folder:
                found |= set(_members(Path(folder)))
    return {pid for pid in found if word in _command(pid)}


def signal_pod(uid: str, word: str, number: signal.Signals) -> int:
    """Signals them; returns how many there were."""
    pids = pids_of_pod(uid, word)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return len(pids)


def _members(folder: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from map(int, (folder / "cgroup.procs").read_text().split())


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
