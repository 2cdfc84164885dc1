"""Source code -> token ids: words, single digits, signs, line ends and indentation.

Ids: 0 fills up, 1 to 4 are words that are not in vocabulary.json by how they are written, the
vocabulary follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LENGTH = 40
UNKNOWN = 5
_TOKEN = re.compile(r"[A-Za-z_]+|[0-9]|\n|\t+| {2,}|[^\sA-Za-z0-9_]")


def ready(folder: Path) -> Callable[[bytes], Array]:
    """What turns one snippet, UTF-8, into [LENGTH] int32."""
    words = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    known = {word: number for number, word in enumerate(words, UNKNOWN)}

    def prepare(item: bytes) -> Array:
        ids = [known.get(token) or _unknown(token) for token in split(item)[:LENGTH]]
        row: Array = np.zeros(LENGTH, np.int32)
        row[: len(ids)] = ids
        return row

    return prepare


def split(item: bytes) -> list[str]:
    """Its tokens; bytes that are no UTF-8 count as signs."""
    return _TOKEN.findall(item.decode("utf-8", "replace"))


def _unknown(token: str) -> int:
    if "_" in token:
        return 1
    if token.islower():
        return 2
    return 3 if token.isupper() else 4
