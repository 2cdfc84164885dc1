"""The command line, as a user runs it on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_TRIMTAB = str(Path(sys.executable).parent / "trimtab")


def trimtab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What it did, whatever its exit code; its tables are a hundred columns wide."""
    return subprocess.run(
        [_TRIMTAB, *arguments],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
