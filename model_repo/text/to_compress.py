"""The classifier of snippets as `trimtab compress` takes it, with a smaller student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import nn

from model_repo import encoder
from model_repo.text import data as snippets
from model_repo.text import train as training
from model_repo.text.train import LARGE, LENGTH, SMALL, Languages
from model_repo.weights import kept

_CODE = [Path(str(module.__file__)) for module in (training, encoder, snippets)]

name = "text_net"
licence = "Apache-2.0 (the snippets: see DATA_LICENCE.md)"
data = "two-line snippets of source code, split by file: 11900 to train, 3010 held out"
inputs = {"ids": np.zeros(LENGTH, np.int32)}
output = "logits"
# Pruning takes hidden units out of the feed-forward layers alone: attention has few to spare.
keep = [
    *(
        f"encoder.layers.{number}.{part}"
        for number in range(LARGE.layers)
        for part in ("query", "key", "value", "mix", "outer")
    ),
    "out",
]


def module() -> nn.Module:
    return kept("text", [*_CODE, snippets.FILE], Languages(LARGE), training.train)


def student() -> Languages:
    return Languages(SMALL)


def train() -> tuple[snippets.Array, snippets.Array]:
    texts, labels = snippets.read("train")
    return snippets.tokens(texts), labels


def evaluation() -> tuple[snippets.Array, snippets.Array]:
    texts, labels = snippets.read("test")
    return snippets.tokens(texts), labels
