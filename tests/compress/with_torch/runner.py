"""Runs compressions in tests; imports torch only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trimtab.compress.recipes import Recipes
from trimtab.compress.report import Report, Result

ROOT = Path(__file__).resolve().parents[3]
BLOBS = Path(__file__).with_name("blobs.py")
SENTENCES = Path(__file__).with_name("sentences.py")
NO_TORCH = "torch comes with trimtab[compress] only: make test-compress"
Variant = dict[str, Any]

STATIC: Variant = {"name": "int8", "quantise": {"mode": "static"}}
DYNAMIC: Variant = {"name": "int8-dynamic", "quantise": {"mode": "dynamic"}}
MASKED: Variant = {"name": "masked50", "prune": {"ratio": 0.5, "mode": "mask"}}
PRUNED: Variant = {"name": "pruned50", "prune": {"ratio": 0.5}, "train": {"epochs": 2}}


class Runner:
    """Runs a compression, and notes what was worked on."""

    def __init__(self) -> None:
        self.worked: list[str] = []

    def __call__(self, model: Path, out: Path, *variants: Variant, **more: Any) -> Report:
        from trimtab.compress.run import compress

        self.worked.clear()
        # One thread of torch: beside others, two wait for each other.
        given = {"threads": 1, "measure": {"batches": [1, 8], "seconds": 0.1}, **more}
        recipes = Recipes.model_validate({**given, "variants": list(variants)})
        return compress(model, out, recipes, self._bar)

    @contextmanager
    def _bar(self, words: str, steps: int) -> Iterator[Callable[[int], None]]:
        self.worked.append(words)
        yield lambda _: None


def named(report: Report) -> dict[str, Result]:
    """The results by name."""
    return {result.name: result for result in report.results}


def onnx_file(out: Path, model: str, variant: str) -> Path:
    """Where a published file lies."""
    return out / variant / model / "1" / "model.onnx"
