"""model.py: requests are joined into one run, split again, and a bad one fails alone."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from model_repo import REPO
from trimtab.compress import repository

Array = npt.NDArray[Any]
TRUTH = {(0, 0): False, (0, 1): True, (1, 0): True, (1, 1): False}


class Tensor:
    def __init__(self, name: str, array: Array) -> None:
        self.name, self.array = name, array

    def as_numpy(self) -> Array:
        return self.array


class TritonError(str):
    __slots__ = ()


@dataclass
class Response:
    output_tensors: list[Tensor]
    error: TritonError | None = None


@dataclass
class Request:
    tensors: dict[str, Array] = field(default_factory=dict)


@pytest.fixture
def wrapper(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as Triton would load it, over a stand-in of Triton's own module."""
    fake: Any = ModuleType("triton_python_backend_utils")
    fake.Tensor, fake.TritonError, fake.InferenceResponse = Tensor, TritonError, Response
    fake.triton_string_to_numpy = {"TYPE_FP32": np.float32}.get
    fake.get_input_tensor_by_name = lambda request, name: (
        Tensor(name, request.tensors[name]) if name in request.tensors else None
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake)
    spec = importlib.util.spec_from_file_location("onnx_model", repository.WRAPPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loaded(wrapper: ModuleType, max_batch: int = 16) -> Any:
    model = wrapper.TritonPythonModel()
    config = {
        "name": "xor",
        "max_batch_size": max_batch,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [2]}],
        "output": [{"name": "p", "data_type": "TYPE_FP32", "dims": [1]}],
    }
    path = repository.onnx_path(REPO / "xor", "xor", "fp32")
    model.initialize(
        {
            "model_config": json.dumps(config),
            "model_repository": str(path.parent.parent),
            "model_version": "1",
        }
    )
    return model


class Counting:
    """The session, with the batch of each run noted; it may refuse what contains a 9."""

    def __init__(self, session: Any, refuse: bool = False) -> None:
        self.session, self.refuse, self.batches = session, refuse, list[int]()

    def run(self, names: list[str], feed: dict[str, Array]) -> list[Array]:
        self.batches.append(len(feed["x"]))
        if self.refuse and (feed["x"] == 9).any():
            raise RuntimeError("cannot compute a nine")
        outputs: list[Array] = self.session.run(names, feed)
        return outputs


def ask(*rows: tuple[int, int]) -> Request:
    return Request({"x": np.array(rows, np.float32).reshape(-1, 2)})


def answer(response: Response) -> list[bool]:
    assert response.error is None
    (tensor,) = response.output_tensors
    assert tensor.name == "p"
    return [bool(p > 0.5) for (p,) in tensor.array]


def test_one_run_for_all_requests_and_each_gets_its_own_rows(wrapper: ModuleType) -> None:
    model = loaded(wrapper)
    model._session = counting = Counting(model._session)
    asked: list[list[tuple[int, int]]] = [[(0, 1)], [(0, 0), (1, 0), (1, 1)], [(1, 0), (0, 0)]]
    responses = model.execute([ask(*rows) for rows in asked])
    assert [answer(response) for response in responses] == [
        [TRUTH[row] for row in rows] for rows in asked
    ]
    assert counting.batches == [6]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Request(), "input 'x' is missing"),
        (Request({"x": np.zeros((1, 2), np.float64)}), "is float64, expected float32"),
        (Request({"x": np.zeros((1, 3), np.float32)}), "shape [1, 3], expected [-1, 2]"),
        (Request({"x": np.zeros(2, np.float32)}), "shape [2], expected [-1, 2]"),
        (Request({"x": np.zeros((0, 2), np.float32)}), "batch of [0] items, expected 1 to 16"),
        (Request({"x": np.zeros((17, 2), np.float32)}), "batch of [17] items, expected 1 to 16"),
    ],
)
def test_a_malformed_request_fails_alone(wrapper: ModuleType, bad: Request, reason: str) -> None:
    model = loaded(wrapper)
    model._session = counting = Counting(model._session)
    first, refused, last = model.execute([ask((0, 1)), bad, ask((1, 1))])
    assert answer(first) == [True]
    assert answer(last) == [False]
    assert reason in str(refused.error)
    assert refused.output_tensors == []
    assert counting.batches == [2]


def test_a_request_that_breaks_the_run_fails_alone(wrapper: ModuleType) -> None:
    model = loaded(wrapper)
    model._session = counting = Counting(model._session, refuse=True)
    first, broken, last = model.execute([ask((0, 1)), ask((9, 0)), ask((1, 1))])
    assert answer(first) == [True]
    assert answer(last) == [False]
    assert "cannot compute a nine" in str(broken.error)
    assert counting.batches == [3, 1, 1, 1]


def test_only_bad_requests_run_nothing(wrapper: ModuleType) -> None:
    model = loaded(wrapper)
    model._session = counting = Counting(model._session)
    responses = model.execute([Request(), Request()])
    assert all(response.error is not None for response in responses)
    assert counting.batches == []


def test_loading_warms_batch_one_and_the_largest(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Counting] = []

    def open_counting(path: Any) -> Counting:
        opened.append(Counting(original(path)))
        return opened[-1]

    original = wrapper._open
    monkeypatch.setattr(wrapper, "_open", open_counting)
    loaded(wrapper, max_batch=8)
    assert sorted(opened[0].batches) == [1, 8]


def test_one_thread_that_does_not_spin(wrapper: ModuleType) -> None:
    options = loaded(wrapper)._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_model_without_batching_is_refused(wrapper: ModuleType) -> None:
    with pytest.raises(ValueError, match="max_batch_size of at least 1"):
        loaded(wrapper, max_batch=0)
