"""What the workers do that do not lead: they train what the first one is training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trimtab.api.schema_recipes import Train
from trimtab.compress import digest
from trimtab.compress.contract import Model
from trimtab.compress.crew import Crew, CrewLost
from trimtab.compress.errors import CompressError
from trimtab.compress.export import fix_seed
from trimtab.compress.model_file import importable, load_model
from trimtab.compress.recipes import Recipes
from trimtab.compress.train import Teacher, train


@dataclass(frozen=True, slots=True)
class Order:
    """A training for all: the network as the first worker has it, and how to train it."""

    net: nn.Module
    how: Train
    teacher: Teacher | None


def help_out(path: Path, recipes: Recipes, crew: Crew) -> None:
    """Trains along until the first worker says that all is over; CompressError where it failed."""
    with importable(path):
        model = load_alike(path, crew)
        while (order := crew.receive()) is not None:
            fix_seed(recipes.seed, recipes.threads)
            try:
                train(order.net, model, order.how, order.teacher, crew=crew)
            except CrewLost:
                raise
            except CompressError:
                pass  # all failed alike; the first refuses that variant and goes on


def load_alike(path: Path, crew: Crew) -> Model:
    """The model on every worker, with the same data to train on."""
    model = crew.all_do(lambda: load_model(path))
    data = {**model.train.inputs, "": model.train.targets}
    crew.check_same(
        digest.of_arrays(data),
        f"train() of {path.name} gives it other data: let it give all of them the same, in the "
        "same order",
    )
    return model


def where_trained(crew: Crew) -> dict[str, Any]:
    """What else tells trainings apart; nothing for one process on a CPU."""
    found: dict[str, Any] = {} if crew.size == 1 else {"workers": crew.size}
    return found | ({"device": "cuda"} if torch.cuda.is_available() else {})
