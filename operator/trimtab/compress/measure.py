"""What a variant's ONNX file is worth on this machine: accuracy, agreement with torch, time."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.compress import interval, runtime, timing
from trimtab.compress.contract import Array, Model
from trimtab.compress.errors import CompressError
from trimtab.compress.interval import Interval
from trimtab.compress.timing import Pair, Point


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the answers of an ONNX file are.

    `accuracy`: mean score, with its interval at 95 %. `drop`: the baseline's less this one's, from
    pairs of the same items. `apart`: the largest difference from torch's outputs, as a share of the
    largest of them. `agreement`: share of items of which both say the same class, or, where
    outputs are no classes, 1 less the relative error (RMS, of torch's spread).
    """

    items: int
    accuracy: float
    accuracy_interval: Interval
    drop: float
    drop_interval: Interval
    apart: float
    agreement: float


def scores(model: Model, outputs: Array) -> Array:
    """[n] scores of those outputs of the evaluation items; CompressError where they are none."""
    targets = model.evaluation.targets
    found = np.asarray(model.score(outputs, targets), np.float64)
    if found.shape != (len(targets),) or not ((found >= 0) & (found <= 1)).all():
        raise CompressError(
            f"score gave {list(found.shape)} values for {len(targets)} items: return one from 0 "
            "to 1 for each"
        )
    return found


def quality(model: Model, outputs: Array, reference: Array, baseline: Array) -> Quality:
    """`reference`: what torch answers; `baseline`: the baseline's scores."""
    own = scores(model, outputs)
    return Quality(
        items=len(own),
        accuracy=float(own.mean()),
        accuracy_interval=interval.mean(own),
        drop=float(baseline.mean() - own.mean()),
        drop_interval=interval.drop(baseline, own),
        apart=_apart(outputs, reference),
        agreement=_agreement(model, outputs, reference),
    )


def times(
    files: Mapping[str, Path],
    pairs: Sequence[Pair],
    model: Model,
    batches: Sequence[int],
    seconds: float,
    step: Callable[[int], None],
) -> dict[Pair, tuple[Point, ...]]:
    """For every pair of names, a point a batch size; all are timed beside each other."""
    opened: dict[str, Any] = {name: runtime.open_session(path) for name, path in files.items()}
    return timing.compare(opened, pairs, model.evaluation.inputs, batches, seconds, step)


def machine() -> str:
    """The processor, for the card: figures hold on its like alone."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs"


def _apart(outputs: Array, reference: Array) -> float:
    if outputs.shape != reference.shape or not np.isfinite(outputs).all():
        return float("inf")
    largest = float(np.abs(reference).max())
    return float(np.abs(outputs - reference).max()) / (largest or 1.0)


def _agreement(model: Model, outputs: Array, reference: Array) -> float:
    if outputs.shape != reference.shape or not np.isfinite(outputs).all():
        return 0.0
    if model.classes:
        return float((outputs.argmax(-1) == reference.argmax(-1)).mean())
    spread = float(np.sqrt(np.mean((reference - reference.mean(0)) ** 2)))
    error = float(np.sqrt(np.mean((outputs - reference) ** 2)))
    return max(0.0, 1.0 - error / (spread or 1.0))
