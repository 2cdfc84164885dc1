"""The sample of an output check: items, and what the reference answers to them. One JSON file.

`inputs` is as in a KServe v2 inference request, `outputs` as in its response, both without binary
data; the first size of every shape is the number of items. docs/output-check.md shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, prod
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from trimtab.api.problems import describe
from trimtab.api.wire import ListMap, Rule, Wire

MAX_BYTES = 1024 * 1024
"""What a ConfigMap holds at most."""
MAX_ITEMS = 1000
_MAX_TENSORS = 64
_NO_NUMBERS = frozenset({"BOOL", "BYTES"})


class UnreadableSample(ValueError):  # noqa: N818 - it names the state of the file
    """The file is no sample; the text names the field and the mend."""


def _rule(message: str, broken: Callable[[Any], bool], field: str) -> Rule:
    """A rule of a file, which no API server sees."""
    return Rule(cel="", message=message, broken=broken, field=field)


def _count_wrong(tensor: SampleTensor) -> bool:
    return prod(tensor.shape) != len(tensor.data)


class SampleTensor(Wire):
    """One tensor, all items in it one after the other."""

    rules = (
        _rule(
            message="data must be a flat list of as many values as the sizes of shape make: "
            "mend shape or data",
            broken=_count_wrong,
            field="data",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=256)]
    """Name of the model's input or output."""
    datatype: Literal[
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
        "FP32", "FP64", "BYTES",
    ]  # fmt: skip
    """As KServe v2 names it; FP16 and BF16 have no form in JSON."""
    shape: list[Annotated[int, Field(ge=1)]] = Field(min_length=1, max_length=16)
    """Number of items, then the sizes of one."""
    data: list[Any]
    """The values, flat."""

    def item(self, index: int) -> list[Any]:
        """The values of one item."""
        size = prod(self.shape[1:])
        return self.data[index * size : (index + 1) * size]


def is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold: whole numbers in JSON have no end."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def _answers_wrong(sample: Sample) -> bool:
    return any(
        answer.datatype in _NO_NUMBERS or not all(is_number(v) for v in answer.data)
        for answer in sample.outputs
    )


class Sample(Wire):
    """The whole file."""

    rules = (
        _rule(
            message="the first size of every shape is the number of items, and they differ: make "
            "them alike",
            broken=lambda s: len({t.shape[0] for t in (*s.inputs, *s.outputs)}) > 1,
            field="inputs",
        ),
        _rule(
            message=f"a sample has at most {MAX_ITEMS} items: keep fewer",
            broken=lambda s: s.inputs[0].shape[0] > MAX_ITEMS,
            field="inputs",
        ),
        _rule(
            message="only outputs of finite numbers are compared: leave others out",
            broken=_answers_wrong,
            field="outputs",
        ),
        _rule(
            message="ArgMax compares outputs [items, classes] of two classes or more: choose "
            "Relative, or leave other outputs out",
            broken=lambda s: (
                s.compare == "ArgMax"
                and any(len(t.shape) != 2 or t.shape[1] < 2 for t in s.outputs)
            ),
            field="compare",
        ),
        _rule(
            message="tolerance goes with compare: Relative, and only with it",
            broken=lambda s: (s.compare == "Relative") != (s.tolerance is not None),
            field="tolerance",
        ),
    )

    version: Literal[1] = 1
    """Of this format."""
    compare: Literal["ArgMax", "Relative"] = "ArgMax"
    """ArgMax: an item agrees where the same class is largest. Relative: where it is within
    tolerance."""
    tolerance: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None
    """With Relative: how far an item's answer may be from the reference's (root of the mean
    square over its values), as a share of the reference's own over the whole sample."""
    inputs: Annotated[list[SampleTensor], ListMap("name")] = Field(
        min_length=1, max_length=_MAX_TENSORS
    )
    """As in a request."""
    outputs: Annotated[list[SampleTensor], ListMap("name")] = Field(
        min_length=1, max_length=_MAX_TENSORS
    )
    """What the reference answers, as in a response. Only what stands here is compared."""

    @property
    def items(self) -> int:
        """How many requests it makes."""
        return self.inputs[0].shape[0]


def read(text: str) -> Sample:
    """The sample in that text; raises UnreadableSample."""
    if len(text.encode()) > MAX_BYTES:
        raise UnreadableSample(f"it is larger than {MAX_BYTES} bytes: keep fewer items")
    try:
        return Sample.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        raise UnreadableSample("; ".join(describe(error, None))) from None


def written(sample: Sample) -> str:
    """The file."""
    return sample.model_dump_json(exclude_none=True) + "\n"
