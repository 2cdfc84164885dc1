"""From a recipe to an ONNX file: prune, fine-tune or distil, export, quantise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from trimtab.api.schema_recipes import BASELINE, Recipe, Train
from trimtab.compress import digest, prune, quantise, store
from trimtab.compress.cards import versions
from trimtab.compress.contract import Array, Model
from trimtab.compress.crew import ALONE, Crew
from trimtab.compress.errors import CompressError
from trimtab.compress.export import OPSET, export, fix_seed, zeros
from trimtab.compress.helper import Order, where_trained
from trimtab.compress.made import Made, Progress
from trimtab.compress.recipes import Recipes
from trimtab.compress.repository import Served, Tensor
from trimtab.compress.train import Teacher, outputs, train

PACKAGES = ("trimtab", "torch", "torch-pruning", "onnx", "onnxscript", "onnxruntime", "numpy")
_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Workshop:
    """Makes variants of one model. What was made from the same inputs is not made again."""

    def __init__(
        self,
        model: Model,
        recipes: Recipes,
        folder: Path,
        progress: Progress,
        crew: Crew = ALONE,
    ) -> None:
        self._model = model
        self._recipes = recipes
        self._folder = folder
        self._progress = progress
        self._crew = crew
        self._fix_seed()
        self._net = _module("module", model.module)
        self.served = _served(model, self._net)
        self._data = {
            "train": [digest.of_arrays(model.train.inputs), _targets(model.train.targets)],
            "evaluation": digest.of_arrays(model.evaluation.inputs),
            "calibration": digest.of_arrays(model.calibration),
        }
        self._taught: Array | None = None

    def make(self, recipe: Recipe) -> Made:
        """The variant's files. Raises whatever torch or ONNX Runtime have against it."""
        network = self._network(recipe)
        made = Made(recipe, network / "model.onnx", network / "model.onnx", *_read(network))
        if recipe.quantise is None:
            return made
        how = recipe.quantise
        key = {
            "network": network.name,
            "quantise": how.model_dump(),
            "calibration": self._data["calibration"] if how.mode == "static" else "",
        }

        def quantised(folder: Path) -> None:
            with self._progress(f"{recipe.name}: quantise", 1) as step:
                if how.mode == "static":
                    quantise.static(
                        made.onnx,
                        folder / "model.onnx",
                        self._model.calibration,
                        how.format or "QDQ",
                    )
                else:
                    quantise.dynamic(made.onnx, folder / "model.onnx")
                step(1)

        folder = store.kept(self._folder / "quantised", digest.of_values(key), quantised)
        return replace(made, onnx=folder / "model.onnx")

    def baseline(self) -> Made:
        """The module as it is, exported."""
        return self.make(Recipe.model_construct(name=BASELINE))

    def _network(self, recipe: Recipe) -> Path:
        self._fix_seed()
        net = self._start(recipe)
        teach = recipe.train is not None and recipe.train.distil is not None
        key = {
            "recipe": recipe.model_dump(exclude={"name", "quantise"}),
            "weights": digest.of_arrays(_weights(net)),
            "teacher": digest.of_arrays(_weights(self._net)) if teach else "",
            "source": self._model.source,
            "data": self._data["evaluation"],
            "train": self._data["train"] if recipe.train else "",
            "seed": self._recipes.seed,
            "threads": self._recipes.threads,
            "opset": OPSET,
            "versions": versions(*PACKAGES),
            **(where_trained(self._crew) if recipe.train else {}),
        }

        def exported(folder: Path) -> None:
            self._shape(net, recipe)
            control = self._trained(net, recipe)
            with self._progress(f"{recipe.name}: export", 1) as step:
                answers = {"reference": outputs(net, self._model.evaluation.inputs)}
                if control is not None:
                    answers["control"] = outputs(control, self._model.evaluation.inputs)
                np.savez(folder / "outputs.npz", **answers)  # type: ignore[arg-type]
                ready = net if recipe.precision == "fp32" else _cast(net, recipe.precision)
                export(ready, self.served, folder / "model.onnx")
                step(1)

        return store.kept(self._folder / "networks", digest.of_values(key), exported)

    def _start(self, recipe: Recipe) -> nn.Module:
        if recipe.network == "module":
            return copy.deepcopy(self._net)
        if self._model.student is None:
            raise CompressError(
                f"variants[{recipe.name}].network is 'student', but MODEL.py has none: add "
                "def student() that returns a smaller, untrained torch.nn.Module"
            )
        student = _module("student", self._model.student)
        if _served(self._model, student) != self.served:
            raise CompressError("student() answers in another shape than module(): make them alike")
        return student

    def _shape(self, net: nn.Module, recipe: Recipe) -> None:
        how = recipe.prune
        if how is None:
            return
        keep = prune.kept(net, self._model.keep)
        if how.mode == "mask":
            prune.mask(net, how.ratio, keep)
        else:
            prune.remove(net, zeros(self.served), how.ratio, how.round_to, keep)

    def _trained(self, net: nn.Module, recipe: Recipe) -> nn.Module | None:
        """Trains the network in place; returns the control where one is asked for."""
        how = recipe.train
        if how is None:
            return None
        if how.distil is None:
            self._train(f"{recipe.name}: train", net, how, None)
            return None
        control = copy.deepcopy(net) if how.distil.control else None
        self._train(f"{recipe.name}: distil", net, how, Teacher(self._teachings(), how.distil))
        if control is not None:
            self._train(f"{recipe.name}: control, no teacher", control, how, None)
        return control

    def _train(self, words: str, net: nn.Module, how: Train, teacher: Teacher | None) -> None:
        # Both from the same seed, so that control and pupil see the same batches.
        self._fix_seed()
        self._crew.share(Order(net, how, teacher))
        with self._progress(words, how.epochs) as step:
            train(net, self._model, how, teacher, step, self._crew)

    def _teachings(self) -> Array:
        dims = self.served.outputs[0].dims
        if dims[-1] < 2:
            raise CompressError(
                f"distil needs logits of two classes or more, but {self._model.output!r} is "
                f"{list(dims)}: remove distil"
            )
        if self._taught is None:
            self._taught = outputs(self._net, self._model.train.inputs)
        return self._taught

    def _fix_seed(self) -> None:
        fix_seed(self._recipes.seed, self._recipes.threads)


def _cast(net: nn.Module, precision: str) -> nn.Module:
    """Computes in another type; requests and answers stay as they are."""
    kind = _TYPES[precision]
    cast = copy.deepcopy(net).to(kind)
    cast.register_forward_pre_hook(
        lambda _net, given: tuple(t.to(kind) if t.is_floating_point() else t for t in given)
    )
    cast.register_forward_hook(lambda _net, _given, answer: answer.float())
    return cast


def _module(name: str, make: Callable[[], Any]) -> nn.Module:
    try:
        net = make()
    except Exception as error:  # whatever the user's own code raises
        raise CompressError(f"{name}() failed: {type(error).__name__}: {error}") from error
    if not isinstance(net, nn.Module):
        raise CompressError(f"{name}() gave {type(net).__name__}: return a torch.nn.Module")
    return net.eval()


def _served(model: Model, net: nn.Module) -> Served:
    """What a client sees; the output's shape is found by asking the module."""
    inputs = tuple(Tensor(n, a.shape, a.dtype.name) for n, a in model.inputs.items())
    given = zeros(Served(model.name, inputs, ()))
    try:
        with torch.no_grad():
            answer = net(*given)
    except Exception as error:  # whatever the user's own code raises
        shapes = ", ".join(f"{t.name} [2, {', '.join(map(str, t.dims))}]" for t in inputs)
        raise CompressError(f"the module fails on zeros for {shapes}: {error}") from error
    if not isinstance(answer, torch.Tensor) or answer.ndim < 2 or len(answer) != 2:
        shape = list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise CompressError(
            f"the module gave {shape} for a batch of 2: return one tensor [batch, ...]"
        )
    kind = str(answer.dtype).removeprefix("torch.")
    return Served(model.name, inputs, (Tensor(model.output, tuple(answer.shape[1:]), kind),))


def _weights(net: nn.Module) -> dict[str, Array]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in net.state_dict().items()}


def _targets(targets: Array) -> str:
    return digest.of_arrays({"targets": targets})


def _read(network: Path) -> tuple[Array, Array | None]:
    with np.load(network / "outputs.npz") as file:
        return file["reference"], file.get("control")
