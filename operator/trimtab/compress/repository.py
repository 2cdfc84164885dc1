"""Write a Triton model repository for one variant of one model.

Every variant has a repository of its own, because every variant is served under the same name:

    <root>/<variant>/<model>/config.pbtxt               Python backend, CPU
    <root>/<variant>/<model>/configs/onnxruntime.pbtxt  NVIDIA's images, their own backend, GPU
    <root>/<variant>/<model>/configs/tensorrt.pbtxt     the same, through TensorRT
    <root>/<variant>/<model>/1/model.py
    <root>/<variant>/<model>/1/model.onnx
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from trimtab.compress.store import put

WRAPPER = Path(__file__).resolve().with_name("onnx_model.py")
MAX_BATCH = 16

# What Triton calls the types that ONNX Runtime and numpy share.
TYPES = {
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "float64": "TYPE_FP64",
    "int64": "TYPE_INT64",
    "int32": "TYPE_INT32",
    "int16": "TYPE_INT16",
    "int8": "TYPE_INT8",
    "uint8": "TYPE_UINT8",
    "bool": "TYPE_BOOL",
}

_PYTHON = """\
name: "{name}"
backend: "python"
max_batch_size: {max_batch}
{tensors}dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU count: 1 }} ]
{warm_up}"""

# Chosen with --model-config-name=onnxruntime (or tensorrt); model.py is then not used.
_NATIVE = """\
name: "{name}"
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: {max_batch}
{tensors}dynamic_batching {{ }}
instance_group [ {{ kind: KIND_GPU count: 1 }} ]
{warm_up}"""

# ONNX Runtime hands what it can to TensorRT, which builds its engine at the first call.
_TENSORRT = (
    _NATIVE
    + """\
optimization {{
  execution_accelerators {{ gpu_execution_accelerator [ {{ name: "tensorrt" }} ] }}
}}
"""
)
_CONFIGS = {
    "config": _PYTHON,
    "configs/onnxruntime": _NATIVE,
    "configs/tensorrt": _TENSORRT,
}

# The first call is too slow for a client: of every replica that came, one request took 230 ms where
# the next took 30, though model.py had run the network. So it is one of Triton's own. A batch
# of one fits, whatever max_batch_size somebody sets: Triton refuses a larger warm-up.
_WARM_UP = """\
model_warmup [ {{
  name: "zeros"
  batch_size: 1
{inputs}}} ]
"""
_ZEROS = (
    '  inputs {{ key: "{name}" value {{ data_type: {type} dims: [ {dims} ] zero_data: true }} }}\n'
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output, without the batch; `type` as numpy calls it, a key of TYPES."""

    name: str
    dims: tuple[int, ...]
    type: str = "float32"


@dataclass(frozen=True, slots=True)
class Served:
    """What a client sees: the served name and the tensors."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def onnx_path(root: Path, model: str, variant: str) -> Path:
    """Where the variant's ONNX file belongs."""
    return root / variant / model / "1" / "model.onnx"


def write_folder(root: Path, served: Served, variant: str, max_batch: int = MAX_BATCH) -> Path:
    """Everything but the ONNX file; returns where that one belongs."""
    target = onnx_path(root, served.name, variant)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(WRAPPER, target.with_name("model.py"))
    folder = target.parent.parent
    (folder / "configs").mkdir(exist_ok=True)
    for name, template in _CONFIGS.items():
        (folder / f"{name}.pbtxt").write_text(_render(template, served, max_batch))
    return target


def put_whole(root: Path, served: Served, variant: str, onnx: Path, max_batch: int) -> None:
    """The repository with a copy of the ONNX file in it; nobody ever sees a part of it."""

    def make(made: Path) -> None:
        shutil.copyfile(onnx, write_folder(made.parent, served, made.name, max_batch))

    put(root / variant, make)


def _render(template: str, served: Served, max_batch: int) -> str:
    tensors = [("input", t) for t in served.inputs] + [("output", t) for t in served.outputs]
    zeros = "".join(
        _ZEROS.format(name=t.name, type=TYPES[t.type], dims=_dims(t)) for t in served.inputs
    )
    return template.format(
        name=served.name,
        max_batch=max_batch,
        tensors="".join(_tensor(field, tensor) for field, tensor in tensors),
        warm_up=_WARM_UP.format(inputs=zeros),
    )


def _tensor(field: str, tensor: Tensor) -> str:
    type_ = TYPES[tensor.type]
    return f'{field} [ {{ name: "{tensor.name}" data_type: {type_} dims: [ {_dims(tensor)} ] }} ]\n'


def _dims(tensor: Tensor) -> str:
    return ", ".join(map(str, tensor.dims))
