"""torch module -> one ONNX file with a dynamic batch."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.onnx import OnnxExporterError

from trimtab.compress.errors import CompressError
from trimtab.compress.repository import Served
from trimtab.compress.words import first_line

OPSET = 20


def fix_seed(seed: int, threads: int = 2) -> None:
    """The same seed gives the same weights: the thread count decides the order of sums."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # Some operations have no deterministic form on a GPU; torch then warns.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def export(net: nn.Module, served: Served, target: Path) -> None:
    """Write the module, in evaluation mode, with the names, shapes and types of `served`.

    Raises CompressError where ONNX has no words for what it does.
    """
    net.eval()
    try:
        _exported(net, served, target)
    except OnnxExporterError as error:
        raise CompressError(
            f"torch cannot export the module to ONNX: {_why(error)}: write it without, in"
            f" operations that opset {OPSET} has and without branches on values"
        ) from error
    strip(target)


def _exported(net: nn.Module, served: Served, target: Path) -> None:
    batch = torch.export.Dim("batch", min=1)
    with _quiet():
        torch.onnx.export(
            net,
            zeros(served),
            str(target),
            dynamo=True,
            input_names=[tensor.name for tensor in served.inputs],
            output_names=[tensor.name for tensor in served.outputs],
            dynamic_shapes=tuple({0: batch} for _ in served.inputs),
            external_data=False,
            opset_version=OPSET,
            verbose=False,
        )


def _why(error: Exception) -> str:
    """The operation that ONNX lacks, where it is one; the exporter's own words are a page."""
    lacking = re.search(r"No ONNX function found for <OpOverload\(op='([^']+)'", str(error))
    if lacking:
        return f"it has nothing for {lacking[1]}"
    first: BaseException = error
    while first.__cause__ is not None:
        first = first.__cause__
    return first_line(first)


def zeros(served: Served) -> tuple[torch.Tensor, ...]:
    """Inputs of zeros. A batch of 2: the exporter would take 1 for a constant."""
    return tuple(
        torch.from_numpy(np.zeros((2, *tensor.dims), tensor.type)) for tensor in served.inputs
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's talk of what it deprecates and which packages it could do with."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            # It means the batch of a second input.
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used")
            yield
    finally:
        log.setLevel(level)


def strip(target: Path) -> None:
    """Drop what the tools noted about their own run: stack traces with file paths, mostly, and
    operator sets that no node uses, which another runtime may not know.
    """
    proto = onnx.load(target)
    del proto.metadata_props[:]
    del proto.graph.metadata_props[:]
    for item in (
        *proto.graph.node,
        *proto.graph.value_info,
        *proto.graph.initializer,
        *proto.graph.input,
        *proto.graph.output,
    ):
        del item.metadata_props[:]
        item.ClearField("doc_string")
    used = {node.domain for node in proto.graph.node}
    kept = [opset for opset in proto.opset_import if opset.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    onnx.checker.check_model(proto)
    onnx.save(proto, target)
