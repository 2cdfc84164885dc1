"""English text -> the ids of its word pieces, by the tokeniser that came with the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Array = npt.NDArray[Any]

LENGTH = 32


def ready(folder: Path) -> Callable[[bytes], Array]:
    """What turns one text, UTF-8, into [LENGTH] int32; what is longer is cut off."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH)
    return lambda item: np.array(tokenizer.encode(item.decode("utf-8")).ids, np.int32)
