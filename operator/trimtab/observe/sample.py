"""A sample as requests, and how much of an answer agrees with the reference's. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Any

from trimtab.api.sample import Sample, SampleTensor, is_number, read

_HASH_LENGTH = 8


class NotComparable(ValueError):  # noqa: N818 - it names the state of the answer
    """An answer that holds nothing to compare; the text says what is amiss."""


@dataclass(frozen=True, slots=True)
class Questions:
    """A sample, ready to be asked. `bodies`: one request of one item each.

    One item a request, as most clients have it: a request of many would be the slowest of its
    minute, and the p99 that is kept is read over all requests, these among them.
    """

    sample: Sample
    hash: str
    bodies: tuple[bytes, ...]
    scales: tuple[float, ...]

    def agrees(self, item: int, answer: Any) -> bool:
        """Whether the answer to that item is the reference's; raises NotComparable.

        `answer`: the response of KServe v2, read from JSON.
        """
        found = _by_name(answer)
        return all(
            self._output_agrees(tensor, scale, item, found.get(tensor.name))
            for tensor, scale in zip(self.sample.outputs, self.scales, strict=True)
        )

    def _output_agrees(self, tensor: SampleTensor, scale: float, item: int, given: Any) -> bool:
        if given is None:
            raise NotComparable(f"the answer has no output {tensor.name!r}")
        expected, values = tensor.item(item), given.get("data")
        if not isinstance(values, list) or len(values) != len(expected):
            raise NotComparable(
                f"output {tensor.name!r} is not of {len(expected)} values, as the sample's are"
            )
        if not all(is_number(v) for v in values):
            return False
        if self.sample.compare == "ArgMax":
            return _largest(values) == _largest(expected)
        apart = _rms([float(v) - float(e) for v, e in zip(values, expected, strict=True)])
        return apart <= (self.sample.tolerance or 0.0) * scale


def questions(text: str) -> Questions:
    """The requests of a sample file; raises UnreadableSample."""
    sample = read(text)
    return Questions(
        sample,
        hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH],
        tuple(_body(sample, item) for item in range(sample.items)),
        # Over the whole sample: an answer that happens to be near 0 is not held to its own size.
        tuple(_rms(tensor.data) for tensor in sample.outputs),
    )


def _body(sample: Sample, item: int) -> bytes:
    request = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": [1, *tensor.shape[1:]],
                "data": tensor.item(item),
            }
            for tensor in sample.inputs
        ],
        "outputs": [{"name": tensor.name} for tensor in sample.outputs],
    }
    return json.dumps(request, separators=(",", ":")).encode()


def _by_name(answer: Any) -> Mapping[str, Any]:
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list):
        raise NotComparable("the answer is none of KServe v2")
    return {str(o.get("name")): o for o in outputs if isinstance(o, dict)}


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _rms(values: Sequence[float]) -> float:
    # Not by squares of their own: those of 1e200 are infinite, and all would be within tolerance.
    return hypot(*values) / sqrt(len(values))
