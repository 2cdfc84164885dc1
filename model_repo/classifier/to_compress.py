"""The 10-5-2 classifier as `trimtab compress` takes it: too small to gain anything."""

from __future__ import annotations

import numpy as np

from model_repo.classifier.data import FEATURES, Array, held_out_set, train_set
from model_repo.classifier.train import MODEL, Classifier
from model_repo.classifier.train import train as trained

name = MODEL.name
licence = "Apache-2.0"
data = "made from a seed: 100 samples to train, 1000 fresh ones to judge"
inputs = {"x": np.zeros(FEATURES, np.float32)}
output = "logits"


def module() -> Classifier:
    return trained()


def train() -> tuple[Array, Array]:
    return train_set()


def evaluation() -> tuple[Array, Array]:
    return held_out_set()
