"""fp32 ONNX -> static int8: U8 activations, S8 weights by channel, in the portable QDQ form."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy.typing as npt
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from model_repo._lib.export import strip

SAMPLES = 256
_BATCH = 16


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, images: npt.NDArray[Any]) -> None:
        starts = range(0, len(images), _BATCH)
        self._feeds = iter([{name: images[start : start + _BATCH]} for start in starts])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def quantise(source: Path, target: Path, input_name: str, images: npt.NDArray[Any]) -> None:
    """`images` are training images: calibrating on held-out ones would flatter the result."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Folds the batch norms into the convolutions and writes the shapes down.
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            _Reader(input_name, images[:SAMPLES]),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    strip(target)
