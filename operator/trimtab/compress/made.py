"""What making a variant leaves behind, for those who judge it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from trimtab.api.schema_recipes import Recipe
from trimtab.compress.contract import Array

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Opens a bar of so many steps under those words; what it gives is called with steps done."""


@dataclass(frozen=True, slots=True)
class Made:
    """A variant as a file.

    `network`: the same in fp32, before it was quantised; `onnx` itself where it was not.
    `reference`: what its torch module answers on the evaluation items, before quantisation and in
    fp32. `control`: what the same network answers that learnt without its teacher.
    """

    recipe: Recipe
    onnx: Path
    network: Path
    reference: Array
    control: Array | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A variant that could not be made, and why."""

    recipe: Recipe
    reason: str
