"""Run an ONNX file the way model.py serves it: ONNX Runtime on one thread of the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

Array = npt.NDArray[Any]

BATCHES = (1, 2, 4, 8, 16)
QUANTILE = 0.25


def open_session(path: Path) -> Any:
    """A session of that file; onnxruntime's own exception where it cannot run the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # its warnings tell users nothing that they could mend
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def outputs(session: Any, inputs: Array | Mapping[str, Array], batch: int = 16) -> Array:
    """The first output for every row, at most `batch` rows a run.

    `inputs`: [n, *dims] by name, or one array where the model has one input.
    """
    named = _named(session, inputs)
    rows = len(next(iter(named.values())))
    runs = [
        session.run(None, {name: array[start : start + batch] for name, array in named.items()})[0]
        for start in range(0, rows, batch)
    ]
    joined: Array = np.concatenate(runs)
    return joined


def feed(session: Any, inputs: Array | Mapping[str, Array], batch: int) -> dict[str, Array]:
    """A batch of that size out of the rows, from the first again where they do not suffice."""
    named = _named(session, inputs)
    return {name: np.resize(array, (batch, *array.shape[1:])) for name, array in named.items()}


def cpu_ms(
    session: Any, inputs: Array | Mapping[str, Array], seconds: float = 1.5
) -> dict[str, float]:
    """CPU milliseconds of the calling thread per run, by batch: the lower quartile of many runs.

    CPU time and a low quantile, because other work on the machine stretches wall-clock time and
    the upper half of the sample. `seconds`: CPU time to spend on each batch size.
    """
    table: dict[str, float] = {}
    for batch in BATCHES:
        fed = feed(session, inputs, batch)
        for _ in range(3):
            session.run(None, fed)
        samples = list(_samples(session, fed, seconds))
        table[str(batch)] = round(float(np.quantile(samples, QUANTILE)), 4)
    return table


def timed(session: Any, fed: Mapping[str, Array], calls: int) -> float:
    """CPU milliseconds of this thread for one of that many calls, one after the other."""
    start = time.thread_time()
    for _ in range(calls):
        session.run(None, fed)
    return 1000 * (time.thread_time() - start) / calls


def _samples(session: Any, fed: Mapping[str, Array], seconds: float) -> Iterator[float]:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        yield timed(session, fed, 1)


def _named(session: Any, inputs: Array | Mapping[str, Array]) -> Mapping[str, Array]:
    if isinstance(inputs, Mapping):
        return inputs
    return {session.get_inputs()[0].name: inputs}
