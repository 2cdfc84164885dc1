"""Whether results can be kept: asked before anything is made, and told where it ends."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import TypeGuard

from trimtab.compress.errors import CompressError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def must_be_writable(*folders: Path) -> None:
    """Makes each folder where it is missing; raises CompressError where nothing can be put into it.

    The counter-example: a volume that was mounted read-only refused what hours of training made.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise CompressError(
                f"{folder}: nothing can be written there ({error.strerror}): name another folder, "
                "or make this one writable."
            ) from None


def is_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether the disk is what an error is of, and no variant."""
    return isinstance(error, OSError) and error.errno in _FULL


def what_is_full(error: OSError) -> str:
    """Where there was no space, and what mends it."""
    where = error.filename2 or error.filename
    place = f"{where}: no space is left on its disk" if where else "no space is left on the disk"
    return f"{place}: free some and run again; what is finished is kept"
