"""A WAV becomes log-mel as the formulas say; the data is small and whole."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model_repo.speech import data
from tests.model_repo.ensembles import prepare

Array = npt.NDArray[Any]


def wav(signal: Array, rate: int = 8000) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(signal * 32767).astype("<i2").tobytes())
    return target.getvalue()


def tone(hertz: float, amplitude: float = 1.0) -> Array:
    made: Array = amplitude * np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)
    return made


def test_one_frame_by_the_formula() -> None:
    """Power of a windowed Fourier sum, written out, through triangles on the mel scale."""
    module = prepare("speech")
    signal = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    frame, band = 7, 11
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 255)
    part = signal[frame * 160 : frame * 160 + 256] * window
    bins = np.arange(129)
    turns = np.exp(-2j * np.pi * bins[:, None] * np.arange(256) / 256)
    power = np.abs(turns @ part) ** 2 / (window.sum() / 2) ** 2
    mel = np.linspace(2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 3800 / 700), 42)
    low, middle, high = (700 * (10 ** (m / 2595) - 1) for m in mel[band : band + 3])
    hertz = bins * 8000 / 256
    weight = np.interp(hertz, [low, middle, high], [0, 1, 0])
    wanted = 10 * np.log10((power * weight).sum())
    made = module.log_mel(signal, module.mel_filters())
    assert made.shape == (1, 49, 40)
    assert made[0, frame, band] == pytest.approx(wanted, abs=0.01)


def test_a_louder_tone_is_as_many_decibels_louder_in_its_band() -> None:
    ready = prepare("speech").ready(Path())
    loud, soft = ready(wav(tone(1000)))[0], ready(wav(tone(1000, 0.1)))[0]
    band = int(loud[20].argmax())
    assert loud[20, band] - soft[20, band] == pytest.approx(20, abs=0.1)
    assert -6 < loud[20, band] < 3
    higher = ready(wav(tone(2000)))[0]
    assert higher[20].argmax() > band


def test_silence_is_the_floor_and_short_clips_end_in_it() -> None:
    module = prepare("speech")
    made = module.ready(Path())(wav(tone(1000)[:4000]))[0]
    assert made.dtype == np.float32
    assert made[-1].tolist() == [module.FLOOR_DB] * 40


@pytest.mark.parametrize(
    ("item", "words"),
    [(b"no wav", "no WAV"), (wav(tone(1), rate=16000), "WAV of 16000 Hz"), (b"", "no WAV")],
)
def test_what_cannot_be_heard_is_refused_in_words(item: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prepare("speech").ready(Path())(item)


def test_clips_are_balanced_and_small() -> None:
    train, words = data.train_set(copies=1)
    test, test_words = data.test_set()
    assert train.shape == (2160, 1, 49, 40)
    assert test.shape == (960, 1, 49, 40)
    assert np.bincount(words).tolist() == [216] * 10
    assert np.bincount(test_words).tolist() == [96] * 10
    assert data.FILE.stat().st_size < 2_000_000


def test_noise_and_places_are_the_same_each_time() -> None:
    assert np.array_equal(data.test_set()[0], data.test_set()[0])
    assert data.test_requests(3)[0] == data.test_requests(3)[0]
