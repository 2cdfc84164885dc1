"""PNG of a digit, light on dark -> grey levels, 8x8, 0 to 16."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]

SIZE = 8
MOST_PIXELS = 1 << 20


def ready(_folder: Path) -> Callable[[bytes], Array]:
    """What turns one PNG into [1, SIZE, SIZE] float32."""
    return prepare


def prepare(item: bytes) -> Array:
    """Decode, take the mean of the pixels that fall into each of the 8x8 fields, and scale."""
    with Image.open(io.BytesIO(item), formats=("PNG",)) as image:
        if image.width * image.height > MOST_PIXELS:
            # Before it is decoded: a small file can hold a picture that fills the memory.
            raise ValueError(f"{image.width}x{image.height} pixels, {MOST_PIXELS} are allowed")
        grey = image.convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)
    scaled: Array = np.asarray(grey, np.float32)[None] * np.float32(16 / 255)
    return scaled
