"""Sample models; each has a folder with its training, its data, its card and its variants."""

from __future__ import annotations

from pathlib import Path

REPO = Path(__file__).resolve().parent


def card_path(root: Path, model: str) -> Path:
    return root / model / "card.json"
