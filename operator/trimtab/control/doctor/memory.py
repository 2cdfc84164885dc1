"""Memory for a look, where the operator runs in the same container.

The kernel ends the whole container that runs over its limit. The operator of a thousand models
holds 150 MiB and a doctor takes as much: beyond the 256 MiB of the chart.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MIB = 2**20
# What a look at five hundred models takes.
_ROOM_MIB = 64
# Stacks of threads, which the kernel counts as data, and of which hardly a page is touched.
_STACKS_MIB = 16


class TooLittleMemory(Exception):  # noqa: N818 - it names what happened
    """The container has too little for a look; the message says how much, and what to do."""

    def __init__(self, limit: int, left: int) -> None:
        super().__init__(
            f"Of this container's {limit // _MIB} MiB only {left // _MIB} are left, and a look"
            " takes more: beyond the limit the operator would be ended too. Raise"
            " resources.limits.memory in the chart's values, or run trimtab doctor elsewhere with"
            " --kubeconfig and --prometheus."
        )


@contextmanager
def within_container(
    cgroup: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self")
) -> Iterator[None]:
    """Holds what is done within to what is left of the container's limit; TooLittleMemory.

    How much a look takes hangs on what there is to see, and the kernel would end the operator
    first: so this process is refused memory before. Where no limit is known, none is set.
    """
    told = _limit_and_left(cgroup)
    if told is None:
        yield
        return
    limit, left = told
    if left < _ROOM_MIB * _MIB:
        raise TooLittleMemory(limit, left)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    most = _data(process) + left + _STACKS_MIB * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield
    except MemoryError:
        raise TooLittleMemory(limit, left) from None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _limit_and_left(cgroup: Path) -> tuple[int, int] | None:
    """Bytes; None where there is no limit that is known."""
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        # Of what is cached of files the kernel lets go first.
        return limit, limit - used + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None


def _data(process: Path) -> int:
    """Bytes of this process that the kernel counts against RLIMIT_DATA."""
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return int(status["VmData"].split()[0]) * 1024
