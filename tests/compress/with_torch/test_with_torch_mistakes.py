"""What is wrong with a module or a recipe: one message that says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compress.with_torch.runner import NO_TORCH, STATIC, Runner, Variant, named
from trimtab.compress.errors import CompressError

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
PRUNE: Variant = {"name": "p", "prune": {"ratio": 0.5}}


def run(tmp_path: Path, text: str, *variants: Variant) -> Runner:
    (tmp_path / "m.py").write_text(HEAD + text)
    runner = Runner()
    runner(tmp_path / "m.py", tmp_path / "out", *(variants or (STATIC,)))
    return runner


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
            RANDOM,
            "the module's own export is wrong: its outputs are up to",
        ),
    ],
)
def test_a_module(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CompressError, match=said):
        run(tmp_path, text)


def test_a_recipe_for_a_student_that_is_not_there(tmp_path: Path) -> None:
    student = {"name": "s", "network": "student", "train": {"epochs": 1}}
    with pytest.raises(CompressError, match=r"MODEL.py has none: add def student\(\)"):
        run(tmp_path, LINEAR, student)


def test_a_student_of_another_shape(tmp_path: Path) -> None:
    student = {"name": "s", "network": "student", "train": {"epochs": 1}}
    with pytest.raises(CompressError, match="answers in another shape"):
        run(tmp_path, f"{LINEAR}\ndef student(): return nn.Linear(4, 3)", student)


def test_a_layer_to_keep_that_is_not_there(tmp_path: Path) -> None:
    text = "def module(): return nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 2))\nkeep = ['z']"
    with pytest.raises(CompressError, match="no layer 'z': use names of 0, 1"):
        run(tmp_path, text, PRUNE)


def test_pruning_that_removes_nothing(tmp_path: Path) -> None:
    text = "def module(): return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))"
    with pytest.raises(CompressError, match="removes nothing with roundTo 8: raise the ratio"):
        run(tmp_path, text, PRUNE)


def test_a_teacher_without_classes(tmp_path: Path) -> None:
    distil = {"name": "d", "train": {"epochs": 1, "distil": {}}}
    text = (
        "def module(): return nn.Linear(4, 1)\nmetric = 'closeness'\n"
        "def score(o, t): return np.ones(len(t))\ndef loss(o, t): return (o ** 2).mean()"
    )
    with pytest.raises(CompressError, match=r"logits of two classes or more, but 'y' is \[1\]"):
        run(tmp_path, text, distil)


def test_what_breaks_in_one_variant_does_not_end_the_others(tmp_path: Path) -> None:
    """A loss that fails is the business of the variants that train."""
    (tmp_path / "m.py").write_text(
        f"{HEAD}{LINEAR}\ndef loss(outputs, targets): raise RuntimeError('no loss today')\n"
    )
    tuned = {"name": "tuned", "train": {"epochs": 1}}
    report = Runner()(tmp_path / "m.py", tmp_path / "out", tuned, STATIC)
    assert named(report)["tuned"].reasons == ("it cannot be made: RuntimeError: no loss today",)
    assert named(report)["int8"].quality is not None
