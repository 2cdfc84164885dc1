"""Which answers agree with the reference's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.api.sample import UnreadableSample
from trimtab.observe.sample import NotComparable, Questions, questions


def sample(**changes: Any) -> Questions:
    """Two items of three numbers; two classes."""
    inputs = {"name": "x", "datatype": "FP32", "shape": [2, 1, 3], "data": [0, 1, 2, 3, 4, 5]}
    outputs = {"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [1, 3, 4, 0]}
    return questions(json.dumps({"inputs": [inputs], "outputs": [outputs], **changes}))


def answer(*values: Any, name: str = "y") -> dict[str, Any]:
    return {"outputs": [{"name": name, "datatype": "FP32", "shape": [1, 2], "data": [*values]}]}


def test_one_item_is_asked_a_request() -> None:
    bodies = [json.loads(body) for body in sample().bodies]
    assert [b["inputs"][0]["data"] for b in bodies] == [[0, 1, 2], [3, 4, 5]]
    assert bodies[0]["inputs"][0]["shape"] == [1, 1, 3]
    assert bodies[0]["outputs"] == [{"name": "y"}]


@pytest.mark.parametrize(
    ("values", "agrees"),
    [((1.1, 2.9), True), ((-9.0, -8.0), True), ((3.0, 1.0), False)],
)
def test_a_class_agrees_where_the_same_is_largest(values: tuple[float, ...], agrees: bool) -> None:
    assert sample().agrees(0, answer(*values)) is agrees


def test_an_answer_that_is_no_number_agrees_with_nothing() -> None:
    assert sample().agrees(1, answer(1.0, 0.0))
    assert not sample().agrees(1, answer(1.0, float("nan")))
    assert not sample().agrees(1, answer(1.0, None))


def test_numbers_agree_within_a_tolerance_of_the_samples_own_size() -> None:
    asked = sample(compare="Relative", tolerance=0.1)
    # The reference's root mean square is 2.55, and a tenth of it may be missed.
    assert asked.agrees(0, answer(1.25, 3.25))
    assert not asked.agrees(0, answer(1.3, 3.3))
    # Not of the item's own: near zero nothing but zero would agree.
    assert asked.agrees(1, answer(4.0, 0.3))


def test_every_output_of_the_sample_must_agree() -> None:
    outputs = [
        {"name": n, "datatype": "FP32", "shape": [2, 2], "data": [1, 3, 4, 0]} for n in ("y", "z")
    ]
    asked, right = sample(outputs=outputs), answer(1, 3)["outputs"][0]
    assert asked.agrees(0, {"outputs": [right, {**right, "name": "z"}]})
    assert not asked.agrees(0, {"outputs": [right, {**right, "name": "z", "data": [3, 1]}]})


@pytest.mark.parametrize(
    "given", [answer(1, 3, name="other"), answer(1, 3, 4), {"error": "no"}, [], None]
)
def test_what_holds_nothing_to_compare_is_no_disagreement(given: Any) -> None:
    with pytest.raises(NotComparable):
        sample().agrees(0, given)


def test_another_sample_has_another_hash() -> None:
    assert sample().hash == sample().hash != sample(version=1).hash


HUGE = 10**400


def test_a_number_that_no_float_holds_agrees_with_nothing() -> None:
    assert not sample().agrees(1, answer(HUGE, 0.0))
    assert not sample(compare="Relative", tolerance=0.1).agrees(1, answer(HUGE, 0.0))


def test_a_sample_of_such_numbers_is_refused() -> None:
    outputs = [{"name": "y", "datatype": "FP64", "shape": [2, 2], "data": [HUGE, 3, 4, 0]}]
    with pytest.raises(UnreadableSample, match="only outputs of finite numbers are compared"):
        sample(outputs=outputs)


def test_large_numbers_are_told_apart() -> None:
    """The squares of 1e200 are infinite, and every answer was within a tenth of infinity."""
    data = [1e200, 3e200, 4e200, 0.0]
    outputs = [{"name": "y", "datatype": "FP64", "shape": [2, 2], "data": data}]
    asked = sample(outputs=outputs, compare="Relative", tolerance=0.1)
    assert asked.agrees(0, answer(1e200, 3e200))
    assert not asked.agrees(0, answer(-1e200, 3e200))
