"""scikit-learn's digits: 1797 real 8x8 images of handwritten digits, split 70/30, stratified.

Only training needs scikit-learn. The held-out third is kept beside this file as heldout.npz, so
that tests and load generators can send real images without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HELD_OUT = Path(__file__).with_name("heldout.npz")
_SEED = 0


def split() -> tuple[Array, Array, Array, Array]:
    """Training images and labels, held-out images and labels; images as uint8 0..16."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.images.astype(np.uint8),
        digits.target.astype(np.uint8),
        test_size=0.3,
        stratify=digits.target,
        random_state=_SEED,
    )
    return train_x, train_y, test_x, test_y


def held_out(path: Path = HELD_OUT) -> tuple[Array, Array]:
    with np.load(path) as file:
        return file["images"], file["labels"]


def requests(images: Array) -> Array:
    """Images as the served model takes them: [n, 1, 8, 8], FP32, grey levels 0 to 16."""
    return images.reshape(-1, 1, 8, 8).astype(np.float32)
