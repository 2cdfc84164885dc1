"""Read a MODEL.py: a Python file whose names say what `contract.Model` wants to know.

| name | what it is |
|---|---|
| `name` | Triton's model name |
| `licence` | of the model, such as "Apache-2.0" |
| `data` | one line on the data, for the model card |
| `inputs` | {name: one example item as a numpy array, without the batch}, in forward's order |
| `output` | name of the output |
| `module()` | the trained torch.nn.Module |
| `train()` | (inputs, targets): an array, or {name: array} where there are several; and an array |
| `evaluation()` | the same, held out |
| `calibration()` | optional: inputs that show static quantisation the ranges; some of train's |
| `student()` | optional: a smaller, untrained torch.nn.Module |
| `loss(outputs, targets)` | optional: torch tensors in, a scalar out; cross-entropy |
| `score(outputs, targets)` | optional: arrays in, [n] from 0 to 1 out; whether the class is right |
| `metric` | with `score`: what it measures, in words |
| `keep` | optional: names of layers that pruning leaves alone; the last one |
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from trimtab.api.scalars import ModelName
from trimtab.compress import digest
from trimtab.compress.contract import (
    ACCURACY,
    CALIBRATION_SAMPLES,
    Array,
    Inputs,
    Model,
    Samples,
    right_class,
)
from trimtab.compress.errors import CompressError
from trimtab.compress.repository import TYPES

_WORDS = {
    "name": 'name = "classifier", Triton\'s model name',
    "licence": 'licence = "Apache-2.0", or whatever the model may be used under',
    "data": 'data = "what it was trained and judged on", for the model card',
    "output": 'output = "logits", the output\'s name',
}
_CALLS = {
    "module": "def module() that returns the trained torch.nn.Module",
    "train": "def train() that returns (inputs, targets) as numpy arrays",
    "evaluation": "def evaluation() that returns held-out (inputs, targets) as numpy arrays",
}
_INPUTS = 'inputs = {"image": numpy.zeros((3, 32, 32), numpy.float32)}, one item without its batch'


@contextmanager
def importable(path: Path) -> Iterator[None]:
    """While it lasts, Python finds modules beside the file, and in the current folder."""
    added = [str(path.resolve().parent), os.getcwd()]
    sys.path[:0] = added
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)


def load_model(path: Path) -> Model:
    """The model in that file, its data read; CompressError names what is missing and the mend.

    Call it, and the functions of the result, within `importable(path)`.
    """
    file = _File(path, _executed(path))
    inputs = file.example_inputs()
    train = _samples(file, "train", inputs)
    evaluation = _samples(file, "evaluation", inputs)
    score = file.optional("score")
    if (score is None) == hasattr(file.module, "metric"):
        raise file.wrong("metric says in words what score measures: give both or neither")
    return Model(
        name=_model_name(file),
        licence=file.words("licence"),
        data=file.words("data"),
        metric=ACCURACY if score is None else file.words("metric"),
        inputs=inputs,
        output=file.words("output"),
        module=file.call("module"),
        train=train,
        calibration=_calibration(file, inputs, train),
        evaluation=evaluation,
        score=score or right_class,
        classes=score is None,
        loss=file.optional("loss"),
        student=file.optional("student"),
        keep=file.keep(),
        source=digest.of_source(path),
    )


def _executed(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("trimtab_model_file", path)
    if spec is None or spec.loader is None:
        raise CompressError(f"{path} is no Python file: give one whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the module of a class.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise CompressError(
            f"{path} imports {error.name!r}, which is not installed: install it, or run trimtab "
            "in the folder from which it can be imported"
        ) from error
    except OSError as error:
        raise CompressError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # whatever the user's own code raises
        raise CompressError(f"{path} failed: {type(error).__name__}: {error}") from error
    return module


class _File:
    """The executed file; every reader raises CompressError with the name and the mend."""

    def __init__(self, path: Path, module: ModuleType) -> None:
        self.path = path
        self.module = module

    def wrong(self, text: str) -> CompressError:
        return CompressError(f"{self.path}: {text}")

    def get(self, name: str, mend: str) -> Any:
        if not hasattr(self.module, name):
            raise self.wrong(f"{name} is missing: add {mend}")
        return getattr(self.module, name)

    def words(self, name: str) -> str:
        mend = _WORDS.get(name, f"{name} in words")
        value = self.get(name, mend)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"{name} is {value!r}, not words: write {mend}")
        return value

    def call(self, name: str) -> Callable[..., Any]:
        mend = _CALLS.get(name, f"def {name}()")
        value = self.get(name, mend)
        if not callable(value):
            raise self.wrong(f"{name} is {value!r}, no function: write {mend}")
        function: Callable[..., Any] = value
        return function

    def optional(self, name: str) -> Callable[..., Any] | None:
        return self.call(name) if hasattr(self.module, name) else None

    def result(self, name: str) -> Any:
        """What calling it gives."""
        try:
            return self.call(name)()
        except CompressError:
            raise
        except Exception as error:  # whatever the user's own code raises
            raise self.wrong(f"{name}() failed: {type(error).__name__}: {error}") from error

    def keep(self) -> tuple[str, ...] | None:
        if not hasattr(self.module, "keep"):
            return None
        value = self.module.keep
        if isinstance(value, str) or not all(isinstance(name, str) for name in value):
            raise self.wrong(f"keep is {value!r}: write a list of layers' names")
        return tuple(value)

    def example_inputs(self) -> Inputs:
        value = self.get("inputs", _INPUTS)
        if not isinstance(value, Mapping) or not value:
            raise self.wrong(f"inputs is {value!r}: write {_INPUTS}")
        for name, array in value.items():
            if not isinstance(array, np.ndarray) or array.ndim == 0:
                raise self.wrong(f"inputs[{name!r}] has no dimension: write {_INPUTS}")
            if array.dtype.name not in TYPES:
                known = ", ".join(TYPES)
                raise self.wrong(f"inputs[{name!r}] is {array.dtype.name}: use one of {known}")
        return dict(value)


def _model_name(file: _File) -> str:
    name = file.words("name")
    try:
        return TypeAdapter[str](ModelName).validate_python(name)
    except ValidationError as error:
        raise file.wrong(f"name is {name!r}: {error.errors()[0]['msg']}") from None


def _samples(file: _File, name: str, example: Inputs) -> Samples:
    value = file.result(name)
    if not isinstance(value, tuple) or len(value) != 2:
        raise file.wrong(f"{name}() gave no (inputs, targets): return a tuple of these two")
    inputs = _by_name(file, name, value[0], example)
    targets = np.asarray(value[1])
    rows = len(next(iter(inputs.values())))
    if targets.ndim == 0 or len(targets) != rows:
        raise file.wrong(
            f"{name}() gave {rows} inputs and targets of shape {list(targets.shape)}: "
            "give one target an item"
        )
    return Samples(inputs, targets)


def _by_name(file: _File, name: str, given: Any, example: Inputs) -> dict[str, Array]:
    if not isinstance(given, Mapping):
        if len(example) > 1:
            raise file.wrong(
                f"{name}() gave inputs without names: return {{name: array}} with "
                f"{', '.join(example)}"
            )
        given = {next(iter(example)): given}
    if set(given) != set(example):
        raise file.wrong(
            f"{name}() gave inputs {sorted(given)}: give those of `inputs`, {sorted(example)}"
        )
    found = {key: np.asarray(given[key]) for key in example}
    rows = {len(array) if array.ndim else 0 for array in found.values()}
    if len(rows) > 1 or 0 in rows:
        raise file.wrong(f"{name}() gave {sorted(rows)} items: give as many of each input, not 0")
    for key, array in found.items():
        want = example[key]
        if array.shape[1:] != want.shape or array.dtype != want.dtype:
            raise file.wrong(
                f"{name}() gave {key!r} as {array.dtype.name} {list(array.shape)}: give it as "
                f"in `inputs`, {want.dtype.name} {[len(array), *want.shape]}"
            )
    return found


def _calibration(file: _File, example: Inputs, train: Samples) -> Inputs:
    if hasattr(file.module, "calibration"):
        return _by_name(file, "calibration", file.result("calibration"), example)
    # Out of the middle of everything: data often comes sorted by class.
    chosen = np.random.default_rng(0).permutation(len(train))[:CALIBRATION_SAMPLES]
    return {name: array[chosen] for name, array in train.inputs.items()}
