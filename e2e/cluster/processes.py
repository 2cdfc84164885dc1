"""Long-running processes: started in their own session, and ended only when surely ours.

A pid alone does not name a process: after it ends, the number is given to another. A record
therefore holds the pid, the kernel's start time of it and the boot, and all three must agree.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from e2e.cluster.shell import system_path, tail

_PROC = Path("/proc")
# Children of this very process: kept so that the dead ones are reaped and do not linger.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Record:
    """What names one process for good."""

    name: str
    pid: int
    start_ticks: int
    boot: str

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{self.name}"
        partial.write_text(json.dumps(asdict(self)))
        os.rename(partial, folder / f"{self.name}.json")

    @classmethod
    def read(cls, folder: Path, name: str) -> Record | None:
        try:
            return cls(**json.loads((folder / f"{name}.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def survived_a_boot(records: Path) -> bool:
    """Whether the records are of a machine that has been started anew since."""
    found = [Record.read(records, file.stem) for file in records.glob("*.json")]
    return any(record is not None and record.boot != boot_id() for record in found)


def boot_id(proc: Path = _PROC) -> str:
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def identity(pid: int, proc: Path = _PROC) -> tuple[str, int] | None:
    """(state, start time in ticks) of a pid, or None when there is no such process."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name is in brackets and may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def alive(record: Record, proc: Path = _PROC) -> bool:
    """True only for the very process of the record: same pid, same start, same boot."""
    reap()
    found = identity(record.pid, proc)
    if found is None or found[0] in ("Z", "X"):
        return False
    return found[1] == record.start_ticks and boot_id(proc) == record.boot


def start(name: str, argv: Sequence[str], *, log: Path, records: Path, cgroup: Path) -> Record:
    """Start a process of ours inside our cgroup, with its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # The shell joins the cgroup and then becomes the program, so that not even a child of its
    # first instant can be outside.
    join = ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(cgroup / "cgroup.procs")]
    with log.open("ab") as out:
        child = subprocess.Popen(
            [*join, *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": system_path(), "HOME": "/root"},
            start_new_session=True,
        )
    _children[child.pid] = child
    found = identity(child.pid)
    record = Record(name, child.pid, found[1] if found else 0, boot_id())
    record.write(records)
    return record


def end(record: Record, *, grace: float = 10.0) -> None:
    """Ask the process to end, and after the grace make it; do nothing unless it is surely ours."""
    if grace > 0 and _signal(record, signal.SIGTERM) and _gone(record, grace):
        return
    if _signal(record, signal.SIGKILL):
        _gone(record, 10.0)


def reap() -> None:
    """Takes note of our children that ended by other means than `end`; else they stay zombies, and
    Python says of each at its exit that it still runs."""
    for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[pid]


def _signal(record: Record, number: signal.Signals) -> bool:
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        # Checked after opening: from here on the handle cannot come to mean another process.
        if not alive(record):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _gone(record: Record, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while alive(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def last_words(log: Path) -> str:
    return tail(log.read_text(errors="replace")) if log.exists() else "(no output)"
