"""What to make of a model and when it is good enough: recipes, from YAML or the default ones.

Steps are always taken in this order: prune, fine-tune or distil, export, quantise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trimtab.api.problems import describe, without_nulls
from trimtab.api.scalars import ClassName, ImageReference
from trimtab.api.schema_recipes import (
    DEFAULT_RECIPES,
    Distil,
    InlineRecipes,
    Prune,
    Quantise,
    Recipe,
    Train,
)
from trimtab.api.wire import Wire
from trimtab.api.yaml_file import UnreadableYaml, read_yaml
from trimtab.compress.errors import CompressError


class Serve(Wire):
    """What the `variants:` block says of where it runs."""

    accelerator_class: ClassName = "cpu"
    """The AcceleratorClass that this machine stands for."""
    image: ImageReference | None = None
    """The image that the output folder will be built into; registry.example/NAME:1 when absent."""


class Recipes(InlineRecipes):
    """A whole file."""

    serve: Serve = Serve()
    """What the `variants:` block says."""

    def made(self, *, student: bool, classes: bool) -> list[Recipe]:
        """The variants to make. The default set knows whether MODEL.py has a student, and whether
        its outputs are classes, which a teacher needs.
        """
        if self.variants is not None:
            return list(self.variants)
        chosen = [recipe for recipe in DEFAULTS if student or recipe.network != "student"]
        return chosen if classes else [_without_teacher(recipe) for recipe in chosen]


_STATIC = Quantise(mode="static")
_FINE_TUNE = Train(epochs=4, distil=Distil(control=False))
_STUDENT = Train(epochs=20, learning_rate=3e-3, distil=Distil())
DEFAULTS = (
    Recipe(name="int8", quantise=_STATIC),
    Recipe(name="int8-dynamic", quantise=Quantise(mode="dynamic")),
    Recipe(name="fp16", precision="fp16"),
    Recipe(name="pruned30", prune=Prune(ratio=0.3), train=_FINE_TUNE),
    Recipe(name="pruned30-int8", prune=Prune(ratio=0.3), train=_FINE_TUNE, quantise=_STATIC),
    Recipe(name="student", network="student", train=_STUDENT),
    Recipe(name="student-int8", network="student", train=_STUDENT, quantise=_STATIC),
)
assert len(DEFAULTS) == DEFAULT_RECIPES


def _without_teacher(recipe: Recipe) -> Recipe:
    if recipe.train is None:
        return recipe
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"distil": None})})


def read_recipes(path: Path | None) -> Recipes:
    """The file's recipes, or the default ones; CompressError names field, value and mend."""
    if path is None:
        return Recipes()
    try:
        return as_recipes(read_yaml(path), str(path))
    except UnreadableYaml as error:
        raise CompressError(str(error)) from None


def as_recipes(raw: Any, where: str) -> Recipes:
    """The recipes in what YAML or JSON held; CompressError begins with `where`."""
    try:
        return Recipes.model_validate(without_nulls(raw), by_alias=True, by_name=False)
    except ValidationError as error:
        raise CompressError(f"{where}: {'; '.join(describe(error, raw))}") from None
