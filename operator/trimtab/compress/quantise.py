"""fp32 ONNX -> int8, by ONNX Runtime. Weights are S8: U8 ones miss the fast kernels of a CPU.

They use 7 of their 8 bits. A processor with AVX2 and no VNNI adds pairs of products in 16 bits,
which overflow with all 8: the digits classifier was right on 87.5 % there, and on 99.5 % elsewhere.
A fleet may have both kinds, and with VNNI 7 bits cost nothing that could be measured.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from trimtab.compress.contract import CALIBRATION_SAMPLES
from trimtab.compress.export import strip
from trimtab.compress.runtime import Array

_BATCH = 16

Form = Literal["QDQ", "QOperator"]


def static(source: Path, target: Path, samples: Mapping[str, Array], form: Form = "QDQ") -> None:
    """U8 activations, S8 weights by channel.

    `samples`: inputs by name, [n, *dims], that show the ranges; training items, since calibrating
    on held-out ones would flatter the result. At most CALIBRATION_SAMPLES are looked at.
    """
    with _prepared(source) as prepared:
        quantize_static(
            str(prepared),
            str(target),
            _Reader({name: array[:CALIBRATION_SAMPLES] for name, array in samples.items()}),
            quant_format=QuantFormat[form],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    strip(target)


def dynamic(source: Path, target: Path) -> None:
    """S8 weights, activations quantised as they come, in MatMul and Gemm alone.

    A dynamically quantised convolution is slower than fp32 on a CPU.
    """
    with _prepared(source) as prepared:
        quantize_dynamic(
            str(prepared),
            str(target),
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
    strip(target)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: Mapping[str, Array]) -> None:
        count = len(next(iter(samples.values())))
        self._feeds = iter(
            [
                {name: array[start : start + _BATCH] for name, array in samples.items()}
                for start in range(0, count, _BATCH)
            ]
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


@contextmanager
def _prepared(source: Path) -> Iterator[Path]:
    """The graph with batch norms folded into convolutions and shapes written down."""
    root = logging.getLogger()
    level = root.level
    # It advises on the root logger what has just been done.
    root.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            yield prepared
    finally:
        root.setLevel(level)
