"""The file of a sample: what is read, and what is told where it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from trimtab.api.sample import MAX_BYTES, UnreadableSample, read, written

PAGE = Path(__file__).parents[2] / "docs" / "output-check.md"
RIGHT: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 3], "data": [0, 0.5, 1, 1, 2, 3]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [0.1, 0.9, 3, -1]}],
}


def changed(part: str = "", **fields: Any) -> str:
    """The right file with fields of it, or of its first input or output, replaced."""
    file = json.loads(json.dumps(RIGHT))
    (file[part][0] if part else file).update(fields)
    return json.dumps(file)


def test_a_sample_is_read_and_written() -> None:
    sample = read(json.dumps(RIGHT))
    assert (sample.items, sample.compare) == (2, "ArgMax")
    assert sample.inputs[0].item(1) == [1, 2, 3]
    assert read(written(sample)) == sample


def test_the_example_in_the_docs_is_right() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert read(example).items == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "JSON"),
        (changed(version=2), "version"),
        (changed(speed="high"), "speed is no field of Sample: remove 'speed'"),
        (changed(outputs=[]), "outputs: needs at least 1 entry: add one"),
        (changed("inputs", data=[1]), "inputs[0].data"),
        (changed("inputs", data=[[0, 0, 0], [1, 1, 1]]), "a flat list"),
        (changed("inputs", shape=[3, 2]), "number of items, and they differ"),
        (changed("outputs", datatype="FP16"), "outputs[0].datatype"),
        (changed("outputs", datatype="BYTES"), "only outputs of finite numbers"),
        (changed("outputs", data=[0.1, 0.9, 3, "x"]), "only outputs of finite numbers"),
        (changed("outputs", shape=[2, 2, 1]), "ArgMax compares outputs [items, classes]"),
        (changed(compare="Relative"), "tolerance goes with compare: Relative"),
        (changed(tolerance=0.1), "tolerance goes with compare: Relative"),
        (" " * MAX_BYTES + json.dumps(RIGHT), "keep fewer items"),
    ],
)
def test_a_wrong_file_is_told_with_the_field_and_the_mend(text: str, said: str) -> None:
    with pytest.raises(UnreadableSample) as raised:
        read(text)
    assert said in str(raised.value)
