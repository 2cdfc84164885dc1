"""The wire format of compression recipes: what to make of a model and when it is good enough.

The same in a recipes file of `trimtab compress` and in a ModelDeployment's spec.compression.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.scalars import VariantName
from trimtab.api.schema_variant import MAX_BATCH, MAX_VARIANTS
from trimtab.api.wire import SWITCH, ListMap, ListSet, Rule, Wire

BASELINE = "fp32"
DEFAULT_RECIPES = 7
"""How many variants the default set has at most, beside the baseline."""
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
    """Items a step, of all workers together."""
    distil: Distil | None = Field(default=None, json_schema_extra={SWITCH: True})
    """Where the baseline teaches."""


class Quantise(Wire):
    """int8 by ONNX Runtime."""

    rules = (
        Rule(
            cel="!has(self.format) || self.mode == 'static'",
            message="quantise.format has an effect only with mode static: remove it",
            broken=lambda q: q.has("format") and q.mode != "static",
            field="format",
        ),
    )

    mode: Literal["static", "dynamic"]
    """`static`: activations too, by MODEL.py's calibration. `dynamic`: MatMul and Gemm alone."""
    # No schema default: it would be present, and so refused, with mode dynamic.
    format: Literal["QDQ", "QOperator"] | None = None
    """How the graph says it; QDQ when absent. Only with mode static."""


class Recipe(Wire):
    """One variant: prune, train, export, quantise, in this order."""

    rules = (
        Rule(
            cel=f"self.name != '{BASELINE}'",
            message=f"name {BASELINE} is the baseline's, which is always made: use another",
            broken=lambda r: r.name == BASELINE,
            field="name",
        ),
        Rule(
            cel="self.network != 'student' || has(self.train)",
            message="network student knows nothing yet: add train, such as "
            "{epochs: 20, distil: {}}",
            broken=lambda r: r.network == "student" and r.train is None,
            field="network",
        ),
        Rule(
            cel="self.precision == 'fp32' || !has(self.quantise)",
            message="precision fp16 or bf16 cannot be quantised: remove it or quantise",
            broken=lambda r: r.precision != "fp32" and r.quantise is not None,
            field="precision",
        ),
        Rule(
            cel="has(self.prune) || has(self.train) || has(self.quantise) || "
            "self.precision != 'fp32'",
            message="has no step: add prune, train, precision or quantise",
            broken=lambda r: not (r.prune or r.train or r.quantise or r.precision != "fp32"),
        ),
    )

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


class InlineRecipes(Wire):
    """What to make of the model and when it is good enough."""

    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Of every random number."""
    threads: int = Field(default=2, ge=1, le=256)
    """Of torch. It decides the order of sums, and so the last digits."""
    gate: Gate = Gate()
    """When a variant is good enough."""
    measure: Measure = Measure()
    """How it is timed."""
    variants: Annotated[list[Recipe], ListMap("name")] | None = Field(
        default=None, min_length=1, max_length=MAX_VARIANTS - 1
    )
    """What to make beside the baseline; the default set when absent."""
