"""A MODEL.py for the end-to-end test: XOR of two noisy bits by a net that is far too wide.

It needs numpy and torch alone, and trains in seconds. Its student is small and as right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

name = "xor"
licence = "Apache-2.0"
data = "made from a seed: noisy pairs of bits"
inputs = {"x": np.zeros(2, np.float32)}
output = "p"
metric = "share of rows on the right side of a half"
loss = nn.functional.binary_cross_entropy


def samples(count: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 2))
    noisy = bits + rng.normal(0, 0.12, bits.shape)
    return noisy.astype(np.float32), (bits[:, :1] ^ bits[:, 1:]).astype(np.float32)


def net(width: int) -> nn.Sequential:
    layers = [nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 1), nn.Sigmoid())


def module() -> nn.Sequential:
    torch.manual_seed(0)
    made = net(768)
    x, y = (torch.from_numpy(array) for array in train())
    optimiser = torch.optim.AdamW(made.parameters(), lr=1e-3)
    for _ in range(4):
        for chosen in torch.randperm(len(y)).split(64):
            optimiser.zero_grad()
            loss(made(x[chosen]), y[chosen]).backward()
            optimiser.step()
    return made


def student() -> nn.Sequential:
    return net(16)


def train() -> tuple[Any, Any]:
    return samples(2048, 1)


def evaluation() -> tuple[Any, Any]:
    return samples(1000, 2)


def score(outputs: Any, targets: Any) -> Any:
    return ((outputs > 0.5) == (targets > 0.5))[:, 0].astype(float)
