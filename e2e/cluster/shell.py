"""Running short commands, with failures that say what was run and what it answered."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e.cluster.errors import ClusterError

_TAIL = 25


def system_path() -> str:
    """PATH with the sbin folders, which a plain user's shell (or cron) leaves out."""
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its output; a failure becomes a ClusterError."""
    command = [str(part) for part in argv]
    full = {**os.environ, "PATH": system_path(), **(env or {})}
    try:
        done = subprocess.run(
            command, env=full, cwd=cwd, input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not on this machine") from error
    if check and done.returncode != 0:
        raise ClusterError(
            f"`{' '.join(command)}` failed with exit code {done.returncode}:\n"
            + tail(done.stderr or done.stdout)
        )
    return done


def tail(text: str, lines: int = _TAIL) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
