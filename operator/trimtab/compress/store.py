"""What earlier runs made, by the digest of all that it depends on. A folder of folders.

Something is there or not: a folder gets its name when it is finished.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(root: Path, digest: str, make: Callable[[Path], None]) -> Path:
    """The folder of that digest; where it is missing, `make` fills an empty one first."""
    target = root / digest
    if target.is_dir():
        return target
    root.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=root))
    try:
        make(unfinished)
        try:
            os.replace(unfinished, target)
        except OSError:
            # Another run finished the same before; the digest says that it is as good.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target
