"""What Triton's configuration of a model tells, and which models are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.profile.fake import CONFIG, IMAGE, MODEL
from trimtab.profile.errors import ProfileError
from trimtab.profile.model import Input, Model, batch_sizes, read_model


def test_it_is_read() -> None:
    assert read_model(CONFIG, "1") == MODEL
    assert MODEL.inputs == (IMAGE,)
    assert MODEL.cap == 16


def test_instances_on_two_gpus_are_counted() -> None:
    groups = [
        {"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]},
        {"kind": "KIND_CPU", "count": 1, "gpus": []},
        {"kind": "KIND_GPU", "count": 7, "gpus": [0], "passive": True},
    ]
    model = read_model({**CONFIG, "instance_group": groups}, "3")
    assert (model.version, model.instances, model.is_on_gpu) == ("3", 5, True)


def test_without_dynamic_batching_requests_are_executed_alone() -> None:
    config = {name: value for name, value in CONFIG.items() if name != "dynamic_batching"}
    model = read_model(config, "1")
    assert (model.batches, model.cap, model.max_batch) == (False, 1, 16)


def test_strings_and_optional_inputs_are_known() -> None:
    text = {"name": "text", "data_type": "TYPE_STRING", "dims": ["-1"], "optional": True}
    model = read_model({**CONFIG, "input": [text]}, "1")
    assert model.inputs == (Input("text", "BYTES", (-1,), is_optional=True),)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sequence_batching": {}}, "sequence_batching"),
        ({"model_transaction_policy": {"decoupled": True}}, "decoupled"),
        ({"platform": "ensemble"}, "ensemble"),
    ],
)
def test_models_without_a_time_for_a_batch_are_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ProfileError, match=f"digits.*{says}"):
        read_model({**CONFIG, **more}, "1")


def test_sizes_are_the_powers_of_two_to_the_largest() -> None:
    assert batch_sizes(None, MODEL) == (1, 2, 4, 8, 16)
    assert batch_sizes(None, Model("m", "1", 12, ())) == (1, 2, 4, 8, 12)
    assert batch_sizes(None, Model("m", "1", 0, ())) == (1,)
    assert batch_sizes((4, 1, 4), MODEL) == (1, 4)


@pytest.mark.parametrize(
    ("asked", "max_batch", "says"),
    [
        ((1, 32), 16, "--batches: 32 is more than 16, the max_batch_size of m"),
        ((1, 2), 0, "--batches: 2 is not possible: max_batch_size of m is 0"),
        ((0,), 16, "--batches: 0 is no batch size"),
    ],
)
def test_impossible_sizes_are_refused(asked: tuple[int, ...], max_batch: int, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        batch_sizes(asked, Model("m", "1", max_batch, ()))
