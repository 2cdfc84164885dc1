"""A transformer encoder as BERT has it, for the models that read text."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

# Not minus infinity: a row that is all padding, as in a warm-up, would be no number at all.
_OUT_OF_SIGHT = -1e4


@dataclass(frozen=True, slots=True)
class Shape:
    """How large it is. `positions`: the longest input; `epsilon`: of the layer norms."""

    words: int
    positions: int
    width: int
    layers: int
    heads: int
    inner: int
    epsilon: float = 1e-12


class Encoder(nn.Module):
    """Token ids [batch, length], 0 for padding -> the mean over the others, [batch, width]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.words, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        seen = (ids != 0).float()
        mask = (1.0 - seen)[:, None, None, :] * _OUT_OF_SIGHT
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        count = seen.sum(1, keepdim=True).clamp(min=1.0)
        mean: torch.Tensor = (x * seen[:, :, None]).sum(1) / count
        return mean


class Layer(nn.Module):
    """Attention and two linear layers, each added to its input and then normed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, shape.width)
        self.value = nn.Linear(shape.width, shape.width)
        self.mix = nn.Linear(shape.width, shape.width)
        self.mix_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.inner = nn.Linear(shape.width, shape.inner)
        self.outer = nn.Linear(shape.inner, shape.width)
        self.outer_norm = nn.LayerNorm(shape.width, shape.epsilon)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        parts = [self._by_head(part(x)) for part in (self.query, self.key, self.value)]
        seen = nn.functional.scaled_dot_product_attention(*parts, attn_mask=mask)
        x = self.mix_norm(x + self.mix(seen.transpose(1, 2).flatten(2)))
        y: torch.Tensor = self.outer_norm(x + self.outer(nn.functional.gelu(self.inner(x))))
        return y

    def _by_head(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
