"""The sample.json of a run: held-out items with the reference's answers, for spec.outputCheck."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from trimtab.api.sample import Sample, SampleTensor, written
from trimtab.compress.contract import Array, Model
from trimtab.compress.repository import TYPES

FILE = "sample.json"
MOST_ITEMS, LEAST_ITEMS = 50, 8
MAX_BYTES = 200 * 1024
"""Well within a ConfigMap's mebibyte, and a few seconds' work for a pod."""
_SEED = 0
_DIGITS = 6
# A variant's error over all items must keep within the gate's agreement; of a single one that much.
_SINGLE = 3.0
_LEAST_TOLERANCE = 0.001
_NO_FORM = frozenset({"float16"})  # in KServe's JSON


def sample_of(model: Model, reference: Array, agreement: float) -> str | None:
    """The file, of the evaluation items and what the baseline answers to all of them; None where
    fewer than LEAST_ITEMS fit.

    `agreement`: the gate's. Items are drawn, since data often comes sorted by class.
    """
    classes = model.classes and reference.ndim == 2 and reference.shape[1] > 1
    tolerance = max(_LEAST_TOLERANCE, _SINGLE * (1.0 - agreement))
    return drawn(
        model.evaluation.inputs,
        {model.output: reference},
        None if classes else round(tolerance, _DIGITS),
    )


def drawn(
    inputs: Mapping[str, Array], outputs: Mapping[str, Array], tolerance: float | None
) -> str | None:
    """The same of plain arrays [items, ...] by name. `tolerance` None: the largest output is the
    answer."""
    items = len(next(iter(inputs.values())))
    if any(array.dtype.name in _NO_FORM for array in inputs.values()):
        return None
    chosen = np.random.default_rng(_SEED).permutation(items)
    # Of one item first: fifty large ones are a minute's work that is then thrown away.
    one = len(_file(inputs, outputs, chosen[:1], tolerance).encode())
    count = min(items, MOST_ITEMS, MAX_BYTES // one)
    while count >= LEAST_ITEMS:
        text = _file(inputs, outputs, chosen[:count], tolerance)
        size = len(text.encode())
        if size <= MAX_BYTES:
            return text
        count = min(count - 1, count * MAX_BYTES // size)
    return None


def advice(model: str, path: str) -> str:
    """How to have pods asked it."""
    name = re.sub(r"[^a-z0-9-]+", "-", model.lower()).strip("-") + "-sample"
    return (
        f"kubectl create configmap {name} --from-file={FILE}={path}\n"
        f"outputCheck: {{sample: {{configMap: {{name: {name}}}}}}}"
    )


def _file(
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
    chosen: Array,
    tolerance: float | None,
) -> str:
    return written(
        Sample(
            compare="ArgMax" if tolerance is None else "Relative",
            tolerance=tolerance,
            inputs=[_tensor(name, array[chosen]) for name, array in inputs.items()],
            outputs=[_answer(name, array[chosen]) for name, array in outputs.items()],
        )
    )


def _tensor(name: str, array: Array) -> SampleTensor:
    flat = array.reshape(-1)
    values = flat.tolist()
    if array.dtype == np.float32:
        # Shortest digits that make the same float32; as float64 each would have seventeen.
        values = [float(str(value)) for value in flat]
    return SampleTensor.model_validate(
        {
            "name": name,
            "datatype": TYPES[array.dtype.name].removeprefix("TYPE_"),
            "shape": list(array.shape),
            "data": values,
        }
    )


def _answer(name: str, array: Array) -> SampleTensor:
    """Compared with a tolerance, or by which is largest: a few digits do."""
    flat = [float(f"{value:.{_DIGITS}g}") for value in array.reshape(-1)]
    return _tensor(name, np.array(flat, np.float64).reshape(array.shape).astype(array.dtype))
