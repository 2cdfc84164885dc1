"""Two-line snippets of source code in seven languages, split by file; see DATA_LICENCE.md."""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_repo.prepared import prepare_module

Array = npt.NDArray[Any]

HERE = Path(__file__).resolve().parent
FILE = HERE / "snippets.json.xz"
SERVE = HERE / "serve"
PREPARE = SERVE / "text_prepare" / "1"
LANGUAGES = ("c", "cpp", "go", "javascript", "php", "python", "rust")
MOST_TOKENS = 1500
LEAST_SEEN = 3


def read(name: str) -> tuple[list[str], Array]:
    """Snippets and labels of `train` or `test`."""
    rows = json.loads(lzma.decompress(FILE.read_bytes()))[name]
    return [text for _, text in rows], np.array([label for label, _ in rows], np.int64)


def write(sets: dict[str, list[tuple[int, str]]]) -> None:
    """The data file, small enough to be kept in git."""
    raw = json.dumps(sets, separators=(",", ":")).encode()
    FILE.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))


def vocabulary(snippets: Sequence[str]) -> list[str]:
    """The most frequent tokens, most frequent first; equally frequent ones by the alphabet."""
    split = prepare_module(PREPARE).split
    counts = Counter(token for text in snippets for token in split(text.encode()))
    often = sorted((-n, token) for token, n in counts.items() if n >= LEAST_SEEN)
    return [token for _, token in often[:MOST_TOKENS]]


def tokens(snippets: Sequence[str]) -> Array:
    """[n, length] ids, made by what prepares them in Triton."""
    prepare = prepare_module(PREPARE).ready(PREPARE)
    return np.stack([prepare(text.encode()) for text in snippets])


def test_requests(count: int) -> tuple[list[bytes], Array]:
    """That many held-out snippets, of all languages, and which they are in."""
    snippets, labels = read("test")
    chosen = np.random.default_rng(0).permutation(len(labels))[:count]
    return [snippets[i].encode() for i in chosen], labels[chosen]
