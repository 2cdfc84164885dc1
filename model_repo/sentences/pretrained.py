"""all-MiniLM-L6-v2 as a torch module: its own weights in our encoder."""

from __future__ import annotations

import re

import torch
from torch import nn

from model_repo.encoder import Encoder, Shape
from model_repo.sentences import data

SHAPE = Shape(words=30522, positions=512, width=384, layers=6, heads=12, inner=1536)
# What BERT calls them -> what encoder.py does.
_NAMES = (
    (r"embeddings\.word_embeddings", "words"),
    (r"embeddings\.position_embeddings", "positions"),
    (r"embeddings\.LayerNorm", "norm"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)", r"layers.\1.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense", r"layers.\1.mix"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm", r"layers.\1.mix_norm"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense", r"layers.\1.inner"),
    (r"encoder\.layer\.(\d+)\.output\.dense", r"layers.\1.outer"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm", r"layers.\1.outer_norm"),
)
# Both kinds of a pair of sentences; the first is what a sentence alone has everywhere.
_KINDS = "embeddings.token_type_embeddings.weight"


class Sentences(nn.Module):
    """Token ids -> an embedding of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(SHAPE)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.encoder(ids), dim=1)


def pretrained() -> Sentences:
    """With the weights of the package."""
    net = Sentences()
    stated = {name: torch.from_numpy(array.copy()) for name, array in data.weights().items()}
    state = {ours: stated[name] for name in stated if (ours := _ours(name))}
    state["positions.weight"] = state["positions.weight"] + stated[_KINDS][0]
    net.encoder.load_state_dict(state)
    return net.eval()


def _ours(name: str) -> str:
    """Our name of a tensor; empty where we have none."""
    stem, _, kind = name.rpartition(".")
    for pattern, ours in _NAMES:
        if match := re.fullmatch(pattern, stem):
            return f"{match.expand(ours)}.{kind}"
    return ""
