"""What `trimtab compress` must know of a model. `model_file` reads it from the user's MODEL.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Inputs = Mapping[str, Array]
Score = Callable[[Array, Array], Array]

CALIBRATION_SAMPLES = 256
"""More than that many items show static quantisation nothing new."""

ACCURACY = "share of items whose largest output is the right class"


@dataclass(frozen=True, slots=True)
class Samples:
    """Items and what is right for them.

    `inputs`: by name, each [n, *dims] in the type that a request has. `targets`: [n, ...].
    """

    inputs: Inputs
    targets: Array

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class Model:
    """A trained torch model, its data, and how its answers are judged.

    `module()`: the trained torch.nn.Module, fp32, in any mode. Its forward takes the inputs in the
    order of `inputs`, each with a batch in front, and gives one tensor [batch, *dims].
    `inputs`: one example item per input, without the batch; its shape and type are a request's.
    `train`: what networks are fine-tuned on. `calibration`: inputs that show static quantisation
    the ranges; never evaluation items, which would flatter the result. `evaluation`: held out.
    `score(outputs, targets)`: [n] with what each item scores, from 0 (wrong) to 1 (right).
    `classes`: whether the largest output is the answer, which is when `score` is the default.
    `loss(outputs, targets)`: torch tensors in, a scalar out; None: cross-entropy.
    `student()`: a smaller, untrained module of the same inputs and output, where there is one.
    `keep`: names of layers that pruning leaves as they are; None: the last one.
    `source`: digest of the code that all this comes from.
    """

    name: str
    licence: str
    data: str
    metric: str
    inputs: Inputs
    output: str
    module: Callable[[], Any]
    train: Samples
    calibration: Inputs
    evaluation: Samples
    score: Score
    classes: bool
    loss: Callable[[Any, Any], Any] | None
    student: Callable[[], Any] | None
    keep: tuple[str, ...] | None
    source: str


def right_class(outputs: Array, targets: Array) -> Array:
    """1 where the largest of [n, classes] outputs is the target's, else 0."""
    hits: Array = (outputs.argmax(-1) == targets).astype(np.float64)
    return hits
