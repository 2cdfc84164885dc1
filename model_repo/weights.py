"""Training takes minutes, so weights are kept for as long as the code that made them stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

KEPT = Path("build")


def kept(
    name: str, code: Sequence[Path], empty: nn.Module, train: Callable[[], nn.Module]
) -> nn.Module:
    """The module with its weights: those of an earlier run, or else trained now."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()[:12]
    file = KEPT / f"{name}-{digest}.pt"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        torch.save(train().state_dict(), file)
    empty.load_state_dict(torch.load(file, weights_only=True))
    return empty
