"""Take whole channels out of a torch module, the smallest by weight first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch_pruning
from torch import nn
from torch.nn.utils import prune as masks

from trimtab.compress.errors import CompressError

_PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def remove(
    net: nn.Module, example: tuple[torch.Tensor, ...], ratio: float, round_to: int, keep: set[str]
) -> None:
    """Remove that share of the channels of every layer, in place, and all that hung on them.

    `example`: inputs with a batch in front; `round_to`: what stays is a multiple of it, where the
    vector units want that; `keep`: names of layers whose outputs stay, the classifier above all.
    """
    before = size(net)
    pruner = torch_pruning.pruner.BasePruner(
        net.eval(),
        # One input or several: it passes what it is given on.
        example if len(example) > 1 else example[0],
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio,
        round_to=round_to,
        ignored_layers=[layer for name, layer in net.named_modules() if name in keep],
    )
    pruner.step()
    if size(net) == before:
        raise CompressError(
            f"prune.ratio {ratio:g} removes nothing with roundTo {round_to}: raise the ratio or "
            "lower roundTo, or name fewer layers in MODEL.py's keep"
        )


def mask(net: nn.Module, ratio: float, keep: set[str]) -> None:
    """Set that share of every layer's output channels to zero, in place, and remove nothing.

    It makes no model smaller or faster; it is here so that the gate can show it.
    """
    for name, layer in net.named_modules():
        if isinstance(layer, _PRUNABLE) and name not in keep:
            masks.ln_structured(layer, "weight", amount=ratio, n=2, dim=0)
            masks.remove(layer, "weight")


def kept(net: nn.Module, named: Sequence[str] | None) -> set[str]:
    """Names of the layers to leave alone: those that are named, or else the last one with weights.

    CompressError where a name is no layer's.
    """
    layers = [name for name, layer in net.named_modules() if isinstance(layer, _PRUNABLE)]
    if named is None:
        return set(layers[-1:])
    for name in named:
        if name not in dict(net.named_modules()):
            raise CompressError(
                f"keep: the module has no layer {name!r}: use names of {', '.join(layers)}"
            )
    return set(named)


def size(net: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in net.parameters())
