"""torch module -> one ONNX file with a dynamic batch. The only helper that needs torch."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import nn

from model_repo._lib.layout import Model

OPSET = 20


def fix_seed(seed: int) -> None:
    """The same seed gives the same weights: the thread count decides the order of sums."""
    torch.manual_seed(seed)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)


def export(net: nn.Module, model: Model, target: Path) -> None:
    net.eval()
    # A batch of 2: the exporter would take 1 for a constant.
    torch.onnx.export(
        net,
        (torch.zeros(2, *model.input_dims),),
        str(target),
        dynamo=True,
        input_names=[model.input_name],
        output_names=[model.output_name],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        external_data=False,
        opset_version=OPSET,
        verbose=False,
    )
    strip(target)


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
