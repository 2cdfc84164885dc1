"""Whether there is memory for a look, where the operator runs in the same container.

The kernel ends the whole container that runs over its limit. The operator of a thousand models
holds 150 MiB and a doctor takes as much: beyond the 256 MiB of the chart.
"""

from __future__ import annotations

from pathlib import Path

_MIB = 2**20
# What a look at five hundred models takes, twice.
_ROOM_MIB = 64


def too_little(cgroup: Path = Path("/sys/fs/cgroup")) -> str | None:
    """What to say instead of looking; None where there is room, or no limit that is known."""
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        # Of what is cached of files the kernel lets go first.
        left_mib = (limit - used + int(stat.get("inactive_file", 0))) // _MIB
    except (OSError, ValueError):
        return None
    if left_mib >= _ROOM_MIB:
        return None
    return (
        f"Of this container's {limit // _MIB} MiB only {left_mib} are left, and a look may take"
        f" {_ROOM_MIB}: beyond the limit the operator would be ended too. Raise"
        " resources.limits.memory in the chart's values, or run trimtab doctor elsewhere with"
        " --kubeconfig and --prometheus."
    )
