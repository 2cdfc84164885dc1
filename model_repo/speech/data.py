"""Ten spoken words as log-mel: synthetic speech by espeak-ng, test voices apart from training's.

What is stored is the clean word from its first sound on. Noise and where in the second it begins
are added here, from a seed: noise is what would not compress.
"""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_repo.prepared import prepare_module

Array = npt.NDArray[Any]

HERE = Path(__file__).resolve().parent
FILE = HERE / "clips.npz"
SERVE = HERE / "serve"
PREPARE = SERVE / "speech_prepare" / "1"
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
RATE = 8000
STEP_DB = 3.0
FRAME_SAMPLES = 160
LATEST_FRAME = 20
# Noise, in decibels of full scale in every band: a quiet room to a loud one.
NOISE_DB = (-65.0, -35.0)
_SEED = 0


def train_set(copies: int = 2) -> tuple[Array, Array]:
    """[n, 1, frames, bands] and words; every clip in so many noises and places."""
    clean, words = _stored("train")
    made = [_heard(clean, np.random.default_rng((_SEED, 1, copy))) for copy in range(copies)]
    return np.concatenate(made), np.tile(words, copies)


def test_set() -> tuple[Array, Array]:
    """The same of the test voices, each once."""
    clean, words = _stored("test")
    return _heard(clean, np.random.default_rng((_SEED, 2))), words


def test_requests(count: int) -> tuple[list[bytes], Array]:
    """WAV files of test voices, with noise, and which words they are."""
    rng = np.random.default_rng((_SEED, 3))
    with np.load(FILE) as file:
        clips, words = file["wavs"], file["wav_words"].astype(np.int64)
    chosen = np.resize(np.arange(len(clips)), count)
    return [_wav(_noisy(clips[i] / 32768, rng)) for i in chosen], words[chosen]


def stored(signal: Array) -> Array:
    """A clean second as it is kept: [frames, bands] in steps of STEP_DB above the floor."""
    module = prepare_module(PREPARE)
    loudness = module.log_mel(signal, module.mel_filters())[0]
    steps: Array = np.round((loudness - module.FLOOR_DB) / STEP_DB).astype(np.uint8)
    return steps


def _stored(name: str) -> tuple[Array, Array]:
    floor = prepare_module(PREPARE).FLOOR_DB
    with np.load(FILE) as file:
        steps, words = file[f"{name}_logmel"], file[f"{name}_words"]
    return steps * np.float32(STEP_DB) + np.float32(floor), words.astype(np.int64)


def _heard(clean: Array, rng: np.random.Generator) -> Array:
    """Each clip later by some frames, and with the power of a noise added in every band.

    White noise in mel bands: its power in a band of one frame varies as that of a few bins.
    """
    heard = np.empty((len(clean), 1, *clean.shape[1:]), np.float32)
    for row, clip in zip(heard, clean, strict=True):
        late = int(rng.integers(LATEST_FRAME))
        row[0] = clip.min()
        row[0, late:] = clip[: len(clip) - late]
        noise_db = rng.uniform(*NOISE_DB)
        noise = 10 ** (noise_db / 10) * rng.gamma(3.0, 1 / 3.0, clip.shape)
        row[0] = 10 * np.log10(10 ** (row[0] / 10) + noise)
    return heard


def _noisy(signal: Array, rng: np.random.Generator) -> Array:
    late = int(rng.integers(LATEST_FRAME)) * FRAME_SAMPLES
    moved = np.concatenate([np.zeros(late), signal[: len(signal) - late]])
    module = prepare_module(PREPARE)
    hiss = rng.standard_normal(len(signal))
    # So loud that it has, in the middle band, the loudness that training's noise has.
    middle = module.log_mel(hiss, module.mel_filters())[0].mean()
    gain = 10 ** ((rng.uniform(*NOISE_DB) - middle) / 20)
    noisy: Array = np.clip(moved + gain * hiss, -1, 1)
    return noisy


def _wav(signal: Array) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(signal * 32767).astype("<i2").tobytes())
    return target.getvalue()
