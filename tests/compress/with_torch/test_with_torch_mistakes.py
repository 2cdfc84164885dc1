"""What is wrong with a module or a recipe: one message that says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compress.with_torch.runner import NO_TORCH, STATIC, Runner, Variant, named
from trimtab.compress.errors import CompressError
from trimtab.compress.report import Report

pytest.importorskip("torch", reason=NO_TORCH)

HEAD = """
import numpy as np
import torch
from torch import nn
name, licence, data, output = "m", "MIT", "made up", "y"
inputs = {"x": np.zeros(4, np.float32)}
def train(): return np.ones((8, 4), np.float32), np.zeros(8, np.int64)
evaluation = train
"""
LINEAR = "def module(): return nn.Linear(4, 2)"
RANDOM = """
class M(nn.Module):
    def forward(self, x): return x + torch.rand_like(x)
def module(): return M()
"""
EIGENVALUES = """
class M(nn.Module):
    def forward(self, x): return torch.linalg.eigvals(x.reshape(-1, 2, 2)).real
def module(): return M()
"""
BRANCHING = """
class M(nn.Module):
    def forward(self, x): return 2 * x if x.sum() > 0 else x
def module(): return M()
"""
TWO_LAYERS = "def module(): return nn.Sequential(nn.Linear(4, {0}), nn.Linear({0}, 2))"
NO_CLASSES = """
metric = "closeness"
def module(): return nn.Linear(4, 1)
def score(outputs, targets): return np.ones(len(targets))
def loss(outputs, targets): return (outputs ** 2).mean()
"""
PRUNE: Variant = {"name": "v", "prune": {"ratio": 0.5}}
STUDENT: Variant = {"name": "v", "network": "student", "train": {"epochs": 1}}
DISTIL: Variant = {"name": "v", "train": {"epochs": 1, "distil": {}}}


def run(tmp_path: Path, text: str, *variants: Variant) -> Report:
    (tmp_path / "m.py").write_text(HEAD + text)
    return Runner()(tmp_path / "m.py", tmp_path / "out", *variants)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def module(): return 3", r"module\(\) gave int: return a torch.nn.Module"),
        ("def module(): raise OSError('no weights')", r"module\(\) failed: OSError: no weights"),
        ("def module(): return nn.Linear(5, 2)", r"the module fails on zeros for x \[2, 4\]"),
        (
            "class M(nn.Module):\n  def forward(self, x): return x, x\ndef module(): return M()",
            r"the module gave tuple for a batch of 2: return one tensor \[batch, ...\]",
        ),
        (
            EIGENVALUES,
            "torch cannot export the module to ONNX: it has nothing for aten.linalg_eig: write",
        ),
        (BRANCHING, "torch cannot export the module to ONNX: .*data-dependent"),
        (
            RANDOM,
            "the module's own export is wrong: its outputs are up to",
        ),
    ],
)
def test_a_module(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CompressError, match=said):
        run(tmp_path, text, STATIC)


@pytest.mark.parametrize(
    ("text", "variant", "said"),
    [
        (LINEAR, STUDENT, "MODEL.py has none: add def student()"),
        (f"{LINEAR}\ndef student(): return nn.Linear(4, 3)", STUDENT, "answers in another shape"),
        (TWO_LAYERS.format(8), PRUNE, "removes nothing with roundTo 8: raise the ratio"),
        (TWO_LAYERS.format(16) + "\nkeep = ['z']", PRUNE, "no layer 'z': use names of 0, 1"),
        (NO_CLASSES, DISTIL, "logits of two classes or more, but 'y' is [1]: remove distil"),
        (
            f"{LINEAR}\ndef loss(outputs, targets): raise RuntimeError('no loss today')",
            {"name": "v", "train": {"epochs": 1}},
            "RuntimeError: no loss today",
        ),
        (
            f"{LINEAR}\ndef loss(outputs, targets): return outputs.mean() * float('nan')",
            {"name": "v", "train": {"epochs": 1}},
            "the loss became nan in training: lower train.learningRate, or mend loss()",
        ),
    ],
)
def test_a_variant_that_cannot_be_made_is_refused_and_the_others_are_not(
    tmp_path: Path, text: str, variant: Variant, said: str
) -> None:
    found = named(run(tmp_path, text, variant, STATIC))
    (reason,) = found["v"].reasons
    assert reason.startswith("it cannot be made: ")
    assert said in reason
    assert found["int8"].quality is not None
