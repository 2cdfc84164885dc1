"""Write a Triton model repository for one variant of one model.

Every variant has a repository of its own, because every variant is served under the same name:

    <model>/<variant>/<model>/config.pbtxt             Python backend, CPU
    <model>/<variant>/<model>/configs/onnxruntime.pbtxt  NVIDIA's images, their own backend, GPU
    <model>/<variant>/<model>/1/model.py
    <model>/<variant>/<model>/1/model.onnx
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent
MAX_BATCH = 16

_TENSOR = '{field} [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ {dims} ] }} ]\n'

_PYTHON = """\
name: "{name}"
backend: "python"
max_batch_size: {max_batch}
{tensors}dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU count: 1 }} ]
"""

# Chosen with --model-config-name=onnxruntime; model.py is then not used.
_NATIVE = """\
name: "{name}"
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: {max_batch}
{tensors}dynamic_batching {{ }}
instance_group [ {{ kind: KIND_GPU count: 1 }} ]
"""


@dataclass(frozen=True)
class Model:
    """What a client sees: the served name, and one float input and output without the batch."""

    name: str
    input_name: str
    input_dims: tuple[int, ...]
    output_name: str
    output_dims: tuple[int, ...]


def onnx_path(root: Path, model: str, variant: str) -> Path:
    return root / model / variant / model / "1" / "model.onnx"


def write_folder(root: Path, model: Model, variant: str) -> Path:
    """Everything but the ONNX file; returns where that one belongs."""
    target = onnx_path(root, model.name, variant)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "onnx_model.py", target.with_name("model.py"))
    folder = target.parent.parent
    (folder / "configs").mkdir(exist_ok=True)
    (folder / "config.pbtxt").write_text(_render(_PYTHON, model))
    (folder / "configs" / "onnxruntime.pbtxt").write_text(_render(_NATIVE, model))
    return target


def _render(template: str, model: Model) -> str:
    tensors = "".join(
        _TENSOR.format(field=field, name=name, dims=", ".join(map(str, dims)))
        for field, name, dims in (
            ("input", model.input_name, model.input_dims),
            ("output", model.output_name, model.output_dims),
        )
    )
    return template.format(name=model.name, max_batch=MAX_BATCH, tensors=tensors)
