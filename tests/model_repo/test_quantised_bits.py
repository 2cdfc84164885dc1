"""int8 weights use 7 bits: with 8, a processor that has AVX2 and no VNNI overflows in 16 bits."""

from __future__ import annotations

from typing import Any

import pytest

from model_repo import REPO


@pytest.mark.parametrize(
    "file", sorted(p for p in REPO.rglob("*int8/*/1/model.onnx")), ids=lambda path: path.parts[-4]
)
def test_no_weight_needs_the_eighth_bit(file: Any) -> None:
    onnx: Any = pytest.importorskip("onnx", reason="onnx comes with trimtab[compress] only")
    read = onnx.numpy_helper.to_array
    graph = onnx.load(file).graph
    # Zero points are of that type too, and all 0.
    weights = [read(i) for i in graph.initializer if i.data_type == onnx.TensorProto.INT8]
    assert max(array.size for array in weights) > 100
    assert all(int(array.min()) >= -64 and int(array.max()) <= 64 for array in weights)
