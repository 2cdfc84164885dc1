"""Whether results can be kept, asked before anything is made."""

from __future__ import annotations

import tempfile
from pathlib import Path

from trimtab.compress.errors import CompressError


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
