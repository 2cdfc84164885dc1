"""Unmounting what the cluster mounted: all of it lies under folders of ours."""

from __future__ import annotations

import re
from pathlib import Path

from e2e.cluster.shell import run


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def under(folder: Path, mountinfo: str) -> list[Path]:
    """Mount points beneath `folder`, the latest first, as they must be taken off."""
    top = folder.resolve()
    points = [Path(_unescape(line.split()[4])) for line in mountinfo.splitlines()]
    return [point for point in reversed(points) if point.is_relative_to(top)]


def unmount_under(*folders: Path) -> None:
    info = Path("/proc/self/mountinfo").read_text()
    for folder in folders:
        for point in under(folder, info):
            # Lazily: a process that is about to end may still stand inside.
            run(["umount", "--lazy", point], check=False)
