"""The digits classifier as `trimtab compress` takes it, with a smaller student."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from model_repo.digits.data import Array, requests, split
from model_repo.digits.train import MODEL, STUDENT, DigitsNet
from model_repo.digits.train import train as trained

_CODE = Path(__file__).with_name("train.py")
# Training takes minutes, so the weights are kept for as long as the code that made them stands.
_WEIGHTS = Path("build") / f"digits-{hashlib.sha256(_CODE.read_bytes()).hexdigest()[:12]}.pt"
_TRAIN_X, _TRAIN_Y, _TEST_X, _TEST_Y = split()

name = MODEL.name
licence = "Apache-2.0 (the images: see DATA_LICENCE.md)"
data = f"scikit-learn's digits: {len(_TRAIN_Y)} images to train, {len(_TEST_Y)} held out"
inputs = {"image": np.zeros((1, 8, 8), np.float32)}
output = "logits"


def module() -> DigitsNet:
    net = DigitsNet()
    if not _WEIGHTS.exists():
        _WEIGHTS.parent.mkdir(exist_ok=True)
        torch.save(trained(_TRAIN_X, _TRAIN_Y).state_dict(), _WEIGHTS)
    net.load_state_dict(torch.load(_WEIGHTS, weights_only=True))
    return net


def student() -> DigitsNet:
    return DigitsNet(STUDENT, size=24)


def train() -> tuple[Array, Array]:
    return requests(_TRAIN_X), _TRAIN_Y.astype(np.int64)


def evaluation() -> tuple[Array, Array]:
    return requests(_TEST_X), _TEST_Y.astype(np.int64)
