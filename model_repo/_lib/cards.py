"""The model card: what a model is, how right it is, what it costs. A small JSON file."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from model_repo._lib.stats import wilson

MEASURE = "CPU milliseconds of one thread per call, lower quartile, ONNX Runtime"


def accuracy(correct: int, total: int) -> dict[str, Any]:
    low, high = wilson(correct, total)
    return {
        "n": total,
        "correct": correct,
        "accuracy": round(correct / total, 6),
        "ci95": [round(low, 6), round(high, 6)],
    }


def versions(*packages: str) -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def write(path: Path, card: dict[str, Any]) -> None:
    path.write_text(json.dumps(card, indent=2) + "\n")


def read(root: Path, model: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((root / model / "card.json").read_text())
    return card
