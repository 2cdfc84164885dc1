"""Run and time an ONNX file the way model.py serves it: ONNX Runtime on one thread."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

Array = npt.NDArray[Any]

BATCHES = (1, 2, 4, 8, 16)


def open_session(path: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs(session: Any, inputs: Array, batch: int = 16) -> Array:
    """The first output for every row of `inputs`, at most `batch` rows a run."""
    name = session.get_inputs()[0].name
    runs = [
        session.run(None, {name: inputs[start : start + batch]})[0]
        for start in range(0, len(inputs), batch)
    ]
    joined: Array = np.concatenate(runs)
    return joined


def cpu_ms(session: Any, inputs: Array, seconds: float = 1.5) -> dict[str, float]:
    """CPU milliseconds of the calling thread per run, by batch: the lower quartile of many runs.

    CPU time and a low quantile, because other work on the machine stretches wall-clock time and
    the upper half of the sample.
    """
    name = session.get_inputs()[0].name
    table: dict[str, float] = {}
    for batch in BATCHES:
        feed = {name: np.resize(inputs, (batch, *inputs.shape[1:]))}
        for _ in range(3):
            session.run(None, feed)
        samples: list[float] = []
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            start = time.thread_time()
            session.run(None, feed)
            samples.append(1000 * (time.thread_time() - start))
        table[str(batch)] = round(float(np.quantile(samples, 0.25)), 4)
    return table
