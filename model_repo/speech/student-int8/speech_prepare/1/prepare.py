"""WAV of one word, 8 kHz mono 16 bit -> log-mel: loudness in decibels, [1, frames, bands]."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

RATE = 8000
SECONDS = 1
WINDOW, HOP = 256, 160
FRAMES = (RATE * SECONDS - WINDOW) // HOP + 1
BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 100.0, 3800.0
FLOOR_DB = -75.0
"""Quieter than that is silence; full scale is near 0."""


def ready(_folder: Path) -> Callable[[bytes], Array]:
    """What turns one WAV into [1, FRAMES, BANDS] float32."""
    filters = mel_filters()
    return lambda item: log_mel(samples(item), filters)


def samples(item: bytes) -> Array:
    """The first second, from -1 to 1; what is shorter ends in silence."""
    try:
        with wave.open(io.BytesIO(item)) as file:
            form = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if form != (RATE, 1, 2):
                raise ValueError(
                    f"WAV of {form[0]} Hz, {form[1]} channels, {8 * form[2]} bit: send {RATE} Hz, "
                    "1 channel, 16 bit"
                )
            read = np.frombuffer(file.readframes(RATE * SECONDS), "<i2")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"no WAV: {error}") from error
    padded: Array = np.zeros(RATE * SECONDS, np.float32)
    padded[: len(read)] = read / np.float32(32768)
    return padded


def log_mel(signal: Array, filters: Array) -> Array:
    """[1, FRAMES, BANDS] decibels of a signal of SECONDS."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * _HANN, axis=1)) ** 2 / _FULL_SCALE
    loudness = 10 * np.log10(np.maximum(power @ filters, 10 ** (FLOOR_DB / 10)))
    made: Array = loudness[None].astype(np.float32)
    return made


def mel_filters() -> Array:
    """[WINDOW // 2 + 1, BANDS]: triangles that rise and fall between evenly spaced mels."""
    hertz = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    edges = _hertz(np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (hertz[:, None] - low) / (middle - low)
    falling = (high - hertz[:, None]) / (high - middle)
    filters: Array = np.maximum(0, np.minimum(rising, falling))
    return filters


def _mel(hertz: Any) -> Any:
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel: Any) -> Any:
    return 700 * (10 ** (mel / 2595) - 1)


_HANN = np.hanning(WINDOW)
# Power of a sine of full amplitude in its own frequency.
_FULL_SCALE = (_HANN.sum() / 2) ** 2
