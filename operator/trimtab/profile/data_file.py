"""--data FILE.json: the body of an inference request as KServe v2 has it, without binary data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from trimtab.profile.errors import ProfileError
from trimtab.profile.inputs import fits
from trimtab.profile.model import Input, Model
from trimtab.profile.tensor import Tensor, encoded


def read_data(text: str, model: Model) -> dict[str, Tensor]:
    """Tensors by name; with a batch dimension the file may hold several items, sent in turn.

    ProfileError where the text is no such body, or does not fit the model.
    """
    try:
        body = json.loads(text)
        given = {str(entry["name"]): entry for entry in body["inputs"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProfileError(
            f"--data: this is no request body ({error!r}): it is JSON such as "
            '{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1]}]}'
        ) from error
    known = {i.name: i for i in model.inputs}
    for name in given:
        if name not in known:
            raise ProfileError(
                f"--data: {model.name} has no input {name!r}: it has {', '.join(sorted(known))}"
            )
    found = {name: _tensor(known[name], entry, model) for name, entry in given.items()}
    if len({len(tensor.items) for tensor in found.values()}) > 1:
        raise ProfileError("--data: the inputs differ in their batch, the first size of each shape")
    return found


def _tensor(known: Input, entry: Mapping[str, Any], model: Model) -> Tensor:
    where = f"--data: input {known.name!r}"
    datatype, shape = entry.get("datatype"), entry.get("shape")
    if datatype != known.datatype:
        raise ProfileError(f"{where}: datatype is {datatype!r}, the model's is {known.datatype}")
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        raise ProfileError(f"{where}: shape is {shape!r}: give a list of sizes above 0")
    batch, item = (shape[0], shape[1:]) if model.max_batch and shape else (1, shape)
    if not fits(known.dims, item) or (model.max_batch and not shape):
        first = "a batch and " if model.max_batch else ""
        raise ProfileError(f"{where}: shape is {shape}, expected {first}{list(known.dims)}")
    values = list(_flat(entry.get("data", ())))
    if len(values) != prod(shape):
        raise ProfileError(f"{where}: data holds {len(values)} values for shape {shape}")
    size = prod(item)
    try:
        items = tuple(encoded(datatype, values[i * size : (i + 1) * size]) for i in range(batch))
    except (ValueError, TypeError, OverflowError) as error:
        raise ProfileError(f"{where}: data is not of {datatype}: {error}") from error
    return Tensor(known.name, datatype, tuple(item), items)


def _flat(values: Any) -> Iterator[Any]:
    # A stack of its own: lists may be nested as deep as JSON is read.
    left = [values]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left.extend(reversed(value))
        else:
            yield value
