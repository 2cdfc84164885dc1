"""The classifier's samples: made from a seed, so nothing has to be shipped or fetched.

Ten standard-normal features. The class is the sign of a sum of four of them, one by its absolute
value, so that the hidden layer has something to do; the other six are noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FEATURES = 10
TRAIN_SAMPLES = 100
HELD_OUT_SAMPLES = 1000
_SEED = 20


def samples(count: int, seed: int) -> tuple[Array, Array]:
    x = np.random.default_rng(seed).standard_normal((count, FEATURES)).astype(np.float32)
    score = x[:, 0] + x[:, 1] - x[:, 2] + 1.5 * np.abs(x[:, 3]) - 1.2
    return x, (score > 0).astype(np.int64)


def train_set() -> tuple[Array, Array]:
    return samples(TRAIN_SAMPLES, _SEED)


def held_out_set() -> tuple[Array, Array]:
    return samples(HELD_OUT_SAMPLES, _SEED + 1)
