"""Triton Python-backend model: ONNX Runtime on one thread, one run per execute call.

Every version folder carries a copy of this file as model.py, because Triton looks for it there;
the source is trimtab/compress/onnx_model.py. It needs numpy and onnxruntime, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import triton_python_backend_utils as pb_utils

Array = npt.NDArray[Any]
Tensors = dict[str, Array]


class TritonPythonModel:
    """Triton creates one of these per model instance, each in a process of its own."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self._max_batch = int(config["max_batch_size"])
        if self._max_batch < 1:
            raise ValueError("this model.py needs a max_batch_size of at least 1")
        self._inputs = {
            item["name"]: (
                pb_utils.triton_string_to_numpy(item["data_type"]),
                tuple(int(size) for size in item["dims"]),
            )
            for item in config["input"]
        }
        self._outputs = [item["name"] for item in config["output"]]
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session = _open(path)
        # The first run of a shape allocates and packs: pay for it before the model is ready.
        for rows in {1, self._max_batch}:
            self._run(
                {
                    name: np.zeros((rows, *(max(size, 1) for size in dims)), dtype)
                    for name, (dtype, dims) in self._inputs.items()
                }
            )

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer the requests in their order; a request that is wrong fails alone."""
        responses: list[Any] = [None] * len(requests)
        places: list[int] = []
        feeds: list[Tensors] = []
        for place, request in enumerate(requests):
            try:
                feeds.append(self._read(request))
                places.append(place)
            except Exception as error:
                responses[place] = _failed(error)
        for place, answer in zip(places, self._answer(feeds), strict=True):
            responses[place] = _failed(answer) if isinstance(answer, Exception) else _good(answer)
        return responses

    def _read(self, request: Any) -> Tensors:
        """One request's inputs, checked: what is wrong here must not spoil the shared run."""
        feed: Tensors = {}
        for name, (dtype, dims) in self._inputs.items():
            tensor = pb_utils.get_input_tensor_by_name(request, name)
            if tensor is None:
                raise ValueError(f"input {name!r} is missing")
            array = tensor.as_numpy()
            if array.dtype != dtype:
                raise ValueError(f"input {name!r} is {array.dtype}, expected {np.dtype(dtype)}")
            fits = array.ndim == len(dims) + 1 and all(
                want in (-1, have) for want, have in zip(dims, array.shape[1:], strict=True)
            )
            if not fits:
                raise ValueError(
                    f"input {name!r} has shape {list(array.shape)}, expected {[-1, *dims]}"
                )
            feed[name] = array
        rows = {array.shape[0] for array in feed.values()}
        if len(rows) != 1 or not 1 <= min(rows) <= self._max_batch:
            raise ValueError(f"batch of {sorted(rows)} items, expected 1 to {self._max_batch}")
        return feed

    def _answer(self, feeds: list[Tensors]) -> list[Tensors | Exception]:
        """All feeds in one run; if that run fails, each alone: only the guilty one fails."""
        if not feeds:
            return []
        try:
            outputs = self._run(
                {name: _joined([feed[name] for feed in feeds]) for name in self._inputs}
            )
        except Exception as error:
            if len(feeds) == 1:
                return [error]
            return [answer for feed in feeds for answer in self._answer([feed])]
        answers: list[Tensors | Exception] = []
        start = 0
        for feed in feeds:
            stop = start + len(next(iter(feed.values())))
            answers.append({name: array[start:stop] for name, array in outputs.items()})
            start = stop
        return answers

    def _run(self, feed: Tensors) -> Tensors:
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))


def _open(path: Path) -> Any:
    options = ort.SessionOptions()
    # A replica has a fraction of a core: more threads, or threads that spin while they wait,
    # would burn the CPU quota that the next request needs.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _joined(arrays: list[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _good(outputs: Tensors) -> Any:
    return pb_utils.InferenceResponse(
        output_tensors=[pb_utils.Tensor(name, array) for name, array in outputs.items()]
    )


def _failed(error: Exception) -> Any:
    return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(str(error)))
