"""Triton's configuration: its own parser reads it, and it says what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actuate.model_config import parsed
from trimtab.compress.repository import WRAPPER, Served, Tensor, onnx_path, write_folder

TEXT = Served(
    "text",
    (Tensor("ids", (32,), "int64"), Tensor("mask", (32, 4), "bool")),
    (Tensor("logits", (6,)),),
)


@pytest.mark.parametrize(
    ("file", "backend"),
    [
        ("config.pbtxt", "python"),
        ("configs/onnxruntime.pbtxt", "onnxruntime"),
        ("configs/tensorrt.pbtxt", "onnxruntime"),
    ],
)
def test_configuration(tmp_path: Path, file: str, backend: str) -> None:
    write_folder(tmp_path, TEXT, "int8", max_batch=8)
    config = parsed((tmp_path / "int8" / "text" / file).read_text())
    assert (config.name, config.backend, config.max_batch_size) == ("text", backend, 8)
    assert [(t.name, list(t.dims)) for t in config.input] == [("ids", [32]), ("mask", [32, 4])]
    assert [t.data_type for t in config.input] == [9, 1]  # TYPE_INT64, TYPE_BOOL
    assert [(t.name, list(t.dims)) for t in config.output] == [("logits", [6])]


@pytest.mark.parametrize("file", ["config.pbtxt", "configs/onnxruntime.pbtxt"])
def test_warm_up_fits_every_batch_cap(tmp_path: Path, file: str) -> None:
    """Triton refuses a model whose warm-up is larger than its max_batch_size."""
    write_folder(tmp_path, TEXT, "int8")
    config = parsed((tmp_path / "int8" / "text" / file).read_text())
    (warm_up,) = config.model_warmup
    assert warm_up.batch_size == 1
    assert {n: list(t.dims) for n, t in warm_up.inputs.items()} == {"ids": [32], "mask": [32, 4]}
    assert all(t.zero_data for t in warm_up.inputs.values())


def test_tensorrt_is_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path, TEXT, "fp32")
    config = parsed((tmp_path / "fp32" / "text" / "configs" / "tensorrt.pbtxt").read_text())
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert [a.name for a in accelerators] == ["tensorrt"]


def test_a_folder_is_a_whole_repository(tmp_path: Path) -> None:
    target = write_folder(tmp_path, TEXT, "int8")
    assert target == onnx_path(tmp_path, "text", "int8")
    assert target.with_name("model.py").read_bytes() == WRAPPER.read_bytes()
    assert sorted(p.name for p in target.parent.parent.iterdir()) == [
        "1",
        "config.pbtxt",
        "configs",
    ]
