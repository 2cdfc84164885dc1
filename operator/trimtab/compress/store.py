"""Folders and files that are whole or not there: each gets its name when it is finished.

What earlier runs made is kept by the digest of all that it depends on, in a folder of folders.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_UNFINISHED = ".unfinished-"


def kept(root: Path, digest: str, make: Callable[[Path], None]) -> Path:
    """The folder of that digest; where it is missing, `make` fills an empty one first."""
    target = root / digest
    if target.is_dir():
        return target
    with _unfinished(root) as made:
        make(made)
        try:
            os.replace(made, target)
        except OSError:
            # Another run finished the same before; the digest says that it is as good.
            if not target.is_dir():
                raise
    return target


def put(target: Path, make: Callable[[Path], None]) -> None:
    """A folder that `make` fills, in place of what had its name.

    The counter-example: on a full disk Triton found a repository with model.py, and no model in it.
    """
    with _unfinished(target.parent) as folder:
        made = folder / "made"
        made.mkdir()
        make(made)
        if target.exists():
            os.replace(target, folder / "before")
        os.replace(made, target)


def put_text(target: Path, text: str) -> None:
    """A file with that text, in place of what had its name."""
    unfinished = target.with_name(f"{_UNFINISHED}{target.name}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what runs that were killed left half done in it."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextmanager
def _unfinished(root: Path) -> Iterator[Path]:
    """A folder in `root` for what is being made, gone afterwards unless it was given a name."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
