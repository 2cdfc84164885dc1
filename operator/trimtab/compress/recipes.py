"""What to make of a model and when it is good enough: recipes, from YAML or the default ones.

Steps are always taken in this order: prune, fine-tune or distil, export, quantise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from trimtab.api.problems import describe, without_nulls
from trimtab.api.scalars import ClassName, ImageReference, VariantName
from trimtab.api.schema_variant import MAX_BATCH, MAX_VARIANTS
from trimtab.api.wire import RULE, ListMap, ListSet, Wire, custom_error
from trimtab.compress.errors import CompressError

BASELINE = "fp32"
Batch = Annotated[int, Field(ge=1, le=MAX_BATCH)]


class Prune(Wire):
    """Whole channels go, the smallest by weight first; MODEL.py's `keep` stays."""

    ratio: float = Field(gt=0, lt=1)
    """Share of each layer's channels."""
    round_to: int = Field(default=8, ge=1, le=64)
    """What stays is a multiple of it, where the vector units want that."""
    mode: Literal["remove", "mask"] = "remove"
    """`mask` only sets channels to zero, which gains nothing."""


class Distil(Wire):
    """Learn from the baseline's outputs too; needs logits of two classes or more."""

    temperature: float = Field(default=2.0, gt=0, le=100)
    """Above 1 it softens the teacher's outputs."""
    weight: float = Field(default=0.5, gt=0, le=1)
    """Share of the teacher in the loss; the targets have the rest."""
    control: bool = True
    """Train once more without the teacher, to see what the teacher was worth."""


class Train(Wire):
    """Training on MODEL.py's `train`."""

    epochs: int = Field(ge=1, le=10_000)
    """Passes over the data."""
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    """The largest; it rises and falls once."""
    batch: int = Field(default=32, ge=2, le=65_536)
    """Items a step."""
    distil: Distil | None = None
    """Where the baseline teaches."""


class Quantise(Wire):
    """int8 by ONNX Runtime."""

    mode: Literal["static", "dynamic"]
    """`static`: activations too, by MODEL.py's calibration. `dynamic`: MatMul and Gemm alone."""
    format: Literal["QDQ", "QOperator"] = "QDQ"
    """How the graph says it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.has("format") and self.mode != "static":
            raise custom_error(
                RULE, f"format {self.format} has an effect only with mode static: remove it"
            )
        return self


class Recipe(Wire):
    """One variant."""

    name: VariantName
    """Name of the variant."""
    network: Literal["module", "student"] = "module"
    """What it begins with: MODEL.py's module, trained, or its student, untrained."""
    prune: Prune | None = None
    """Channels to remove."""
    train: Train | None = None
    """Fine-tuning after pruning, or a student's training."""
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    """Of the exported weights; requests stay as they are."""
    quantise: Quantise | None = None
    """int8 at the end."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name == BASELINE:
            mend = "name fp32 is the baseline's, which is always made: use another"
        elif self.network == "student" and self.train is None:
            mend = "network student knows nothing yet: add train, such as {epochs: 20, distil: {}}"
        elif self.quantise and self.precision != "fp32":
            mend = f"precision {self.precision} cannot be quantised: remove it or quantise"
        elif not (self.prune or self.train or self.quantise or self.precision != "fp32"):
            mend = "has no step: add prune, train, precision or quantise"
        else:
            return self
        raise custom_error(RULE, mend)


class Gate(Wire):
    """What a variant must keep to be published."""

    max_drop: float = Field(default=0.02, ge=0, lt=1)
    """Accuracy it may lose: the upper end of the drop's 95 % interval must stay within."""
    min_gain: float = Field(default=0.05, ge=0, lt=1)
    """Share of time or of size it must save to count as faster or smaller."""
    agreement: float = Field(default=0.97, ge=0, le=1)
    """Share of items on which an int8 file must give the class that its torch module gives."""
    tolerance: float = Field(default=1e-4, gt=0, lt=1)
    """How far an fp32 file may be from torch, as a share of the largest output."""


class Measure(Wire):
    """How it is timed."""

    batches: Annotated[list[Batch], ListSet()] = Field(
        default=[1, 2, 4, 8, 16], min_length=1, max_length=16
    )
    """Batch sizes; the largest becomes max_batch_size."""
    seconds: float = Field(default=1.0, gt=0, le=600)
    """CPU time to spend on each variant and batch size."""


class Serve(Wire):
    """What the `variants:` block says of where it runs."""

    accelerator_class: ClassName = "cpu"
    """The AcceleratorClass that this machine stands for."""
    image: ImageReference | None = None
    """The image that the output folder will be built into; registry.example/NAME:1 when absent."""


class Recipes(Wire):
    """A whole file."""

    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of every random number."""
    threads: int = Field(default=2, ge=1, le=256)
    """Of torch. It decides the order of sums, and so the last digits."""
    gate: Gate = Gate()
    """When a variant is good enough."""
    measure: Measure = Measure()
    """How it is timed."""
    serve: Serve = Serve()
    """What the `variants:` block says."""
    variants: Annotated[list[Recipe], ListMap("name")] | None = Field(
        default=None, min_length=1, max_length=MAX_VARIANTS - 1
    )
    """What to make beside the baseline; the default set when absent."""

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


def _without_teacher(recipe: Recipe) -> Recipe:
    if recipe.train is None:
        return recipe
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"distil": None})})


def read_recipes(path: Path | None) -> Recipes:
    """The file's recipes, or the default ones; CompressError names field, value and mend."""
    if path is None:
        return Recipes()
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CompressError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CompressError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return Recipes.model_validate(without_nulls(raw), by_alias=True, by_name=False)
    except ValidationError as error:
        raise CompressError(f"{path}: {'; '.join(describe(error, raw))}") from None
