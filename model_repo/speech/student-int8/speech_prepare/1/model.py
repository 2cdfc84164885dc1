"""Triton Python-backend model: one blob of bytes per item in, what the network takes out.

Every serve/*_prepare/1 carries a copy of this file as model.py, beside a prepare.py that knows the
task: `ready(folder)` gives the function that turns one item's bytes into its array.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Before numpy comes: its threads would take the cores that the network's requests need.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import prepare
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Triton creates one of these per model instance, each in a process of its own."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self._input = config["input"][0]["name"]
        self._output = config["output"][0]["name"]
        self._prepare = prepare.ready(Path(args["model_repository"]) / args["model_version"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer the requests in their order; a request that is wrong fails alone."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            items = pb_utils.get_input_tensor_by_name(request, self._input).as_numpy()
            made = np.stack([self._prepare(item) for item in items.reshape(-1)])
        except Exception as error:  # whatever is wrong with the bytes of a client
            return pb_utils.InferenceResponse([], pb_utils.TritonError(f"{self._input}: {error}"))
        return pb_utils.InferenceResponse([pb_utils.Tensor(self._output, made)])
