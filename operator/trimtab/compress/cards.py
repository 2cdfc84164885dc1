"""The model card: what a model is, how right it is, what it costs. A small JSON file."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trimtab import __version__
from trimtab.compress.interval import wilson

MEASURE = "CPU milliseconds of one thread per call, lower quartile, ONNX Runtime"


def accuracy(correct: int, total: int) -> dict[str, Any]:
    """A proportion as cards state it, with its 95 % Wilson interval."""
    low, high = wilson(correct, total)
    return {
        "n": total,
        "correct": correct,
        "accuracy": round(correct / total, 6),
        "ci95": [round(low, 6), round(high, 6)],
    }


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of those packages, as installed; of trimtab as its code says, which an image
    may hold without installing it."""
    own = {"trimtab": __version__}
    found = {name: own[name] if name in own else version(name) for name in packages}
    return {"python": platform.python_version(), **found}


def write(path: Path, card: dict[str, Any]) -> None:
    """The card as a file; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """The card in that file."""
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card
