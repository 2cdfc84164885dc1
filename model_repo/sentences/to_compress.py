"""The pretrained sentence encoder as `trimtab compress` takes it, which fetch.py gets.

Its embeddings in fp32 are what variants are compared with: nobody labelled the sentences.
"""

from __future__ import annotations

import numpy as np
import torch

from model_repo.sentences import data as texts
from model_repo.sentences.pretrained import Sentences, pretrained

_LENGTH = 32
_ALL = texts.tokens(texts.sentences())

name = "sentences_net"
licence = "Apache-2.0 (all-MiniLM-L6-v2; the sentences: see DATA_LICENCE.md)"
data = "first sentences of the documentation in Python's standard library; none was trained on"
metric = "mean cosine of an embedding and the one of fp32"
inputs = {"ids": np.zeros(_LENGTH, np.int32)}
output = "sentence_embedding"  # not `embedding`: the exporter has that name already


def module() -> Sentences:
    return pretrained()


def train() -> tuple[texts.Array, texts.Array]:
    return _with_embeddings(_ALL[: texts.TRAIN])


def evaluation() -> tuple[texts.Array, texts.Array]:
    return _with_embeddings(_ALL[texts.TRAIN :])


def score(outputs: texts.Array, targets: texts.Array) -> texts.Array:
    return np.clip((outputs * targets).sum(1), 0, 1)


def _with_embeddings(ids: texts.Array) -> tuple[texts.Array, texts.Array]:
    net = pretrained()
    with torch.no_grad():
        made = [net(torch.from_numpy(part)) for part in np.array_split(ids, 1 + len(ids) // 32)]
    return ids, torch.cat(made).numpy()
