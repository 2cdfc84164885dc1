"""Python packages for an image: locked, checked by hash, and for the image's Python."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.shell import run

PYTHON = "3.11"  # Debian bookworm's
_GLIBC = ("2014", *(f"_2_{minor}" for minor in range(17, 37)))


def platforms(machine: str) -> list[str]:
    """Wheel tags that bookworm (glibc 2.36) can run, every one: pip asks for each by name."""
    return [f"manylinux{glibc}_{machine}" for glibc in _GLIBC]


def install(requirements: Path, target: Path, extra: Sequence[str] = ()) -> None:
    """Install a hash-locked list into a folder. No package's own code is run here."""
    tags = [flag for tag in platforms(platform.machine()) for flag in ("--platform", tag)]
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--root-user-action=ignore",
            "--no-compile",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--implementation=cp",
            f"--python-version={PYTHON}",
            *tags,
            *extra,
            "--target",
            target,
            "-r",
            requirements,
        ]
    )


def compile_tree(top: Path, root: Path) -> None:
    """Byte-compile for a read-only image, where Python cannot keep what it compiles."""
    if sys.version_info[:2] != tuple(int(part) for part in PYTHON.split(".")):
        return  # the files would be for another Python; the image's compiles in memory instead
    run(
        [
            sys.executable,
            "-m",
            "compileall",
            "-q",
            "-j",
            "2",
            # Images carry no trustworthy file times, so the usual check by time is left out.
            "--invalidation-mode",
            "unchecked-hash",
            "-s",
            root,
            "-p",
            "/",
            top,
        ],
        check=False,
    )
