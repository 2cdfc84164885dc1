"""Render the words with espeak-ng: synthetic speech, test voices that training never hears.

    apt-get install espeak-ng
    python -m model_repo.speech.render

writes clips.npz beside this file. It is committed, so that nobody needs espeak-ng for training.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import tempfile
from collections.abc import Iterator

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from model_repo.speech import data
from model_repo.speech.data import Array

ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029")
# Variants are the timbre of a speaker; no test voice has one of training's.
VARIANTS = {
    "train": ("m1", "m2", "m3", "m5", "m7", "f1", "f2", "f3", "Alex", "Annie", "Andy", "Lee"),
    "test": ("m4", "m6", "m8", "f4", "f5", "Alicia", "Andrea", "Ed"),
}
ROUNDS = {"train": 3, "test": 2}
WAVS = 60
_SEED = 0
_ESPEAK_HZ = 22050
_QUIET = 0.01


def main() -> None:
    kept: dict[str, Array] = {}
    for name in ("train", "test"):
        clips = list(_rendered(name))
        kept[f"{name}_logmel"] = np.stack([data.stored(signal) for _, signal in clips])
        kept[f"{name}_words"] = np.array([word for word, _ in clips], np.uint8)
        if name == "test":
            chosen = random.Random(_SEED).sample(range(len(clips)), WAVS)
            kept["wavs"] = np.stack([_pcm(clips[i][1]) for i in chosen])
            kept["wav_words"] = kept["test_words"][chosen]
        print(name, len(clips), "clips")
    np.savez_compressed(data.FILE, **kept)  # type: ignore[arg-type]
    print(data.FILE.stat().st_size, "bytes")


def _rendered(name: str) -> Iterator[tuple[int, Array]]:
    """Word's number and a second of signal, for every word, accent, variant and round."""
    rng = random.Random(f"{_SEED} {name}")
    voices = itertools.product(range(ROUNDS[name]), ACCENTS, VARIANTS[name])
    for (_, accent, variant), word in itertools.product(voices, range(len(data.WORDS))):
        speed, pitch = rng.randint(120, 220), rng.randint(25, 75)
        yield word, _spoken(data.WORDS[word], f"{accent}+{variant}", speed, pitch)


def _spoken(word: str, voice: str, speed: int, pitch: int) -> Array:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", file.name, word],
            check=True,
        )
        rate, pcm = wavfile.read(file.name)
    assert rate == _ESPEAK_HZ
    signal = resample_poly(pcm / 32768, data.RATE, rate)
    loud = np.flatnonzero(np.abs(signal) > _QUIET)
    signal = signal[loud[0] : loud[-1] + 1][: data.RATE]
    padded: Array = np.zeros(data.RATE, np.float32)
    padded[: len(signal)] = signal
    return padded


def _pcm(signal: Array) -> Array:
    return np.round(np.clip(signal, -1, 1) * 32767).astype(np.int16)


if __name__ == "__main__":
    main()
