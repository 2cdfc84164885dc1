"""What is sent: made from the configuration, with shapes and data of the user's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.profile.fake import IMAGE, MODEL
from trimtab.profile.data_file import read_data
from trimtab.profile.errors import ProfileError
from trimtab.profile.inputs import make_tensors
from trimtab.profile.model import Input, Model
from trimtab.profile.request import inference_request
from trimtab.profile.tensor import Tensor, encoded


def model_of(*inputs: Input, max_batch: int = 8) -> Model:
    return Model("m", "1", max_batch, inputs)


def test_floats_are_made_and_differ_from_item_to_item() -> None:
    (tensor,) = make_tensors(MODEL, {}, {})
    assert (tensor.name, tensor.datatype, tensor.shape) == ("image", "FP32", (1, 8, 8))
    values = np.frombuffer(tensor.content(2), "<f4")
    assert values.shape == (128,)
    assert (values[:64] != values[64:]).any()
    assert ((values >= 0) & (values < 1)).all()


@pytest.mark.parametrize(
    ("datatype", "numpy_type"), [("INT64", "<i8"), ("BOOL", "?"), ("UINT8", "u1"), ("FP16", "<f2")]
)
def test_every_type_has_its_size(datatype: str, numpy_type: str) -> None:
    (tensor,) = make_tensors(model_of(Input("x", datatype, (3,))), {}, {})
    assert np.frombuffer(tensor.content(4), numpy_type).shape == (12,)


def test_integers_are_a_valid_token() -> None:
    (tensor,) = make_tensors(model_of(Input("x", "INT32", (3,))), {}, {})
    assert np.frombuffer(tensor.content(1), "<i4").tolist() == [1, 1, 1]


def test_bf16_is_the_upper_half_of_a_float() -> None:
    assert encoded("BF16", [1.0, -2.0]) == b"\x80\x3f\x00\xc0"


def test_a_shape_of_any_size_is_asked_for() -> None:
    tokens = model_of(Input("ids", "INT64", (-1, 4)))
    with pytest.raises(ProfileError, match=r"'ids' has dims \[-1,4\].*--shape ids:8,4"):
        make_tensors(tokens, {}, {})
    (tensor,) = make_tensors(tokens, {"ids": (3, 4)}, {})
    assert tensor.shape == (3, 4)


@pytest.mark.parametrize("asked", [(3, 5), (3,), (1, 3, 4)])
def test_a_shape_that_does_not_fit_is_refused(asked: tuple[int, ...]) -> None:
    with pytest.raises(ProfileError, match=r"--shape ids:.* does not fit the dims \[-1,4\]"):
        make_tensors(model_of(Input("ids", "INT64", (-1, 4))), {"ids": asked}, {})


def test_a_shape_of_no_input_is_refused() -> None:
    with pytest.raises(ProfileError, match="--shape: digits has no input 'img': it has image"):
        make_tensors(MODEL, {"img": (1, 8, 8)}, {})


def test_strings_and_shape_tensors_need_data() -> None:
    with pytest.raises(ProfileError, match=r"'text' is of strings.*--data FILE.json"):
        make_tensors(model_of(Input("text", "BYTES", (1,))), {}, {})
    with pytest.raises(ProfileError, match=r"'size' is a shape tensor.*--data"):
        make_tensors(model_of(Input("size", "INT32", (1,), is_shape=True)), {}, {})


def test_optional_inputs_are_left_out() -> None:
    both = model_of(IMAGE, Input("mask", "FP32", (2,), is_optional=True))
    assert [t.name for t in make_tensors(both, {}, {})] == ["image"]
    assert len(make_tensors(both, {"mask": (2,)}, {})) == 2


def body(**changes: Any) -> str:
    entry = {"name": "text", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["bcd"]]}
    return json.dumps({"inputs": [{**entry, **changes}]})


TEXT = model_of(Input("text", "BYTES", (1,)))


def test_data_of_two_items_is_sent_in_turn() -> None:
    data = read_data(body(), TEXT)
    (tensor,) = make_tensors(TEXT, {}, data)
    one, two = b"\x01\x00\x00\x00a", b"\x03\x00\x00\x00bcd"
    assert tensor.content(3) == one + two + one


def test_without_a_batch_dimension_the_whole_is_one_item() -> None:
    model = model_of(Input("x", "FP32", (2, 1)), max_batch=0)
    text = body(name="x", datatype="FP32", data=[1, 2.5])
    assert read_data(text, model)["x"].content(1) == encoded("FP32", [1, 2.5])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "txt"}, "m has no input 'txt': it has text"),
        ({"datatype": "FP32"}, "datatype is 'FP32', the model's is BYTES"),
        ({"shape": [2, 2]}, r"shape is \[2, 2\], expected a batch and \[1\]"),
        ({"shape": "2"}, "shape is '2': give a list"),
        ({"shape": []}, r"shape is \[\], expected a batch and \[1\]"),
        ({"data": ["a"]}, r"data holds 1 values for shape \[2, 1\]"),
        ({"data": ["a", 1]}, "data is not of BYTES: 1 is no text"),
    ],
)
def test_data_that_does_not_fit_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        read_data(body(**changes), TEXT)


@pytest.mark.parametrize("text", ["", "[]", '{"inputs": [{}]}', '{"inputs": 1}', "[" * 9999])
def test_what_is_no_body_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="--data: this is no request body"):
        read_data(text, TEXT)


def test_numbers_that_are_none_are_refused() -> None:
    model = model_of(Input("x", "FP32", (1,)))
    with pytest.raises(ProfileError, match="input 'x': data is not of FP32"):
        read_data(body(name="x", datatype="FP32", data=["a", "b"]), model)


def test_a_shape_beside_data_is_refused() -> None:
    with pytest.raises(ProfileError, match="--shape text: --data gives that input already"):
        make_tensors(TEXT, {"text": (1,)}, read_data(body(), TEXT))


def test_a_request_carries_its_items() -> None:
    tensor = Tensor("x", "UINT8", (2,), (b"ab", b"cd"))
    request = inference_request("http://host:1/up/", model_of(), [tensor], 3)
    head, header = request.split(b"\r\n\r\n", 1)
    lines = dict(line.split(b": ") for line in head.split(b"\r\n")[1:])
    assert head.startswith(b"POST /up/v2/models/m/versions/1/infer HTTP/1.1\r\n")
    assert lines[b"Host"] == b"host:1"
    assert int(lines[b"Content-Length"]) == len(header)
    size = int(lines[b"Inference-Header-Content-Length"])
    assert header[size:] == b"abcdab"
    told = json.loads(header[:size])
    assert told["inputs"][0]["shape"] == [3, 2]
    assert told["inputs"][0]["parameters"] == {"binary_data_size": 6}


def test_without_max_batch_size_a_shape_has_no_batch() -> None:
    tensor = Tensor("x", "UINT8", (2,), (b"ab",))
    request = inference_request("http://h", model_of(max_batch=0), [tensor], 1)
    assert b'"shape":[2]' in request


def test_lists_in_lists_are_flat_however_deep() -> None:
    deep: Any = ["a", "b"]
    for _ in range(400):
        deep = [deep]
    assert len(read_data(body(data=deep), TEXT)["text"].items) == 2
