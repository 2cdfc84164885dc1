"""A MODEL.py for tests: in which of nine places of a noisy 16x16 image is a bright blob?

Data are made from a seed, and training takes seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]

SIDE = 16
PLACES = 9
TRAIN_ITEMS, EVALUATION_ITEMS = 640, 600

name = "blobs"
licence = "Apache-2.0"
data = "made from a seed: noisy images with one blob"
inputs = {"image": np.zeros((1, SIDE, SIDE), np.float32)}
output = "logits"


def samples(count: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    place = rng.integers(0, PLACES, count)
    images = rng.normal(0, 0.5, (count, 1, SIDE, SIDE)).astype(np.float32)
    for image, at in zip(images, place, strict=True):
        row, column = 5 * (at // 3) + rng.integers(0, 2), 5 * (at % 3) + rng.integers(0, 2)
        image[0, row : row + 4, column : column + 4] += 1.5
    return images, place.astype(np.int64)


# Of fewer than 24 channels int8 costs more than it gains where the processor has no dot product of
# bytes: the pruned half of 64 is wide enough everywhere.
def net(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after, stride in ((1, width, 1), (width, width, 1), (width, width, 2)):
        layers += [
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * (SIDE // 2) ** 2, PLACES))


def module() -> nn.Sequential:
    torch.manual_seed(0)
    made = net(64)
    images, places = (torch.from_numpy(array) for array in train())
    optimiser = torch.optim.AdamW(made.parameters(), lr=2e-3)
    for _ in range(3):
        for chosen in torch.randperm(len(places)).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(made(images[chosen]), places[chosen]).backward()
            optimiser.step()
    return made


def student() -> nn.Sequential:
    return net(8)


def train() -> tuple[Array, Array]:
    return samples(TRAIN_ITEMS, 1)


def evaluation() -> tuple[Array, Array]:
    return samples(EVALUATION_ITEMS, 2)
