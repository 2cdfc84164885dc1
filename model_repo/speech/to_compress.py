"""The word spotter as `trimtab compress` takes it, with a smaller student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import nn

from model_repo.speech import data as clips
from model_repo.speech import train as training
from model_repo.speech.train import BANDS, FRAMES, STUDENT, Words
from model_repo.weights import kept

_CODE = [Path(str(module.__file__)) for module in (training, clips)]

name = "speech_net"
licence = "Apache-2.0"
data = "synthetic speech by espeak-ng: 2160 clips to train, 960 of other voices held out, in noise"
inputs = {"logmel": np.zeros((1, FRAMES, BANDS), np.float32)}
output = "logits"


def module() -> nn.Module:
    return kept("speech", [*_CODE, clips.FILE], Words(), training.train)


def student() -> Words:
    return Words(STUDENT)


def train() -> tuple[clips.Array, clips.Array]:
    return clips.train_set()


def evaluation() -> tuple[clips.Array, clips.Array]:
    return clips.test_set()
