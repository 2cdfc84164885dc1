"""A MODEL.py for tests: an encoder of two inputs, which says of 32 tokens what it always said.

Its weights are random and its own answers are the targets: what is tested is how it is compressed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]
TOKENS, WORDS, WIDTH = 32, 200, 192

name = "sentences"
licence = "Apache-2.0"
data = "random tokens, and what the module says of them"
inputs = {"ids": np.zeros(TOKENS, np.int64), "mask": np.ones(TOKENS, bool)}
output = "logits"


class Layer(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.mix = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2) / WIDTH**0.5
        weights = scores.masked_fill(~mask[:, None, :], -1e4).softmax(-1)
        x = x + self.mix(weights @ self.value(x))
        return self.norm(x + self.narrow(nn.functional.gelu(self.wide(x))))


class Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(2))
        self.out = nn.Linear(WIDTH, 5)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.words(ids)
        for layer in self.layers:
            x = layer(x, mask)
        return self.out((x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))


def module() -> Encoder:
    torch.manual_seed(0)
    net = Encoder()
    net.eval()
    return net


def samples(count: int, seed: int) -> tuple[dict[str, Array], Array]:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, WORDS, (count, TOKENS))
    mask = np.arange(TOKENS) < rng.integers(4, TOKENS + 1, count)[:, None]
    with torch.no_grad():
        said = module()(torch.from_numpy(ids), torch.from_numpy(mask)).argmax(-1)
    return {"ids": ids, "mask": mask}, said.numpy()


def train() -> tuple[dict[str, Array], Array]:
    return samples(256, 1)


def evaluation() -> tuple[dict[str, Array], Array]:
    return samples(300, 2)
