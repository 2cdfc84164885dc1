"""What is sent: made from the model's configuration, or read from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from trimtab.profile.errors import ProfileError
from trimtab.profile.model import Input, Model
from trimtab.profile.tensor import Tensor, encoded, numpy_type

# Enough different items that nothing works out the same one again and again.
_VARIETY = 16
_SEED = 1


def make_tensors(
    model: Model, shapes: Mapping[str, Sequence[int]], data: Mapping[str, Tensor]
) -> tuple[Tensor, ...]:
    """One tensor for every input that is not optional, from `data` where that has one.

    Floats are uniform from 0 to 1, bytes of images any, and other integers 1: as a token, an
    index or a mask that is valid nearly everywhere. ProfileError where a shape or values are
    needed.
    """
    known = {given.name for given in model.inputs}
    for name in shapes:
        if name not in known:
            raise ProfileError(
                f"--shape: {model.name} has no input {name!r}: it has {', '.join(sorted(known))}"
            )
        if name in data:
            raise ProfileError(f"--shape {name}: --data gives that input already: remove one")
    return tuple(
        data[given.name] if given.name in data else _made(given, shapes.get(given.name))
        for given in model.inputs
        if given.name in data or given.name in shapes or not given.is_optional
    )


def fits(dims: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a shape is one that these dims allow."""
    return len(dims) == len(shape) and all(
        want in (-1, have) for want, have in zip(dims, shape, strict=True)
    )


def _made(given: Input, asked: Sequence[int] | None) -> Tensor:
    shape = _shape(given, asked)
    if given.datatype == "BYTES":
        raise ProfileError(
            f"input {given.name!r} is of strings: which ones decides how long they take: give "
            "some with --data FILE.json, a request's body as KServe v2 has it"
        )
    if given.is_shape:
        raise ProfileError(
            f"input {given.name!r} is a shape tensor: give its values with --data FILE.json"
        )
    rng = np.random.default_rng(_SEED)
    count = prod(shape)
    try:
        items = tuple(_item(given.datatype, count, rng) for _ in range(_VARIETY))
    except ValueError as error:
        raise ProfileError(
            f"input {given.name!r}: {error}: give its values with --data FILE.json"
        ) from error
    return Tensor(given.name, given.datatype, shape, items)


def _shape(given: Input, asked: Sequence[int] | None) -> tuple[int, ...]:
    dims = ",".join(map(str, given.dims))
    if asked is None:
        if -1 in given.dims:
            example = ",".join("8" if size == -1 else str(size) for size in given.dims)
            raise ProfileError(
                f"input {given.name!r} has dims [{dims}], of which -1 is any size: say which, "
                f"such as --shape {given.name}:{example}"
            )
        return given.dims
    if not fits(given.dims, asked):
        raise ProfileError(
            f"--shape {given.name}:{','.join(map(str, asked))} does not fit the dims [{dims}]: "
            "give as many sizes, without the batch, and other ones only for -1"
        )
    return tuple(asked)


def _item(datatype: str, count: int, rng: np.random.Generator) -> bytes:
    values: Any
    if datatype in ("FP16", "FP32", "FP64", "BF16"):
        values = rng.random(count)
    elif datatype == "UINT8":
        values = rng.integers(0, 256, count)
    else:
        numpy_type(datatype)
        values = np.ones(count)
    return encoded(datatype, values)
