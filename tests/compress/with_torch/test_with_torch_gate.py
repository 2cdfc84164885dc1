"""What the gate says of real variants, made and timed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compress.with_torch.runner import (
    BLOBS,
    DYNAMIC,
    MASKED,
    NO_TORCH,
    PRUNED,
    ROOT,
    STATIC,
    Runner,
    named,
)

pytest.importorskip("torch", reason=NO_TORCH)


@pytest.mark.parametrize("model", ["xor", "classifier"])
def test_int8_of_tiny_nets_is_slower(tmp_path: Path, model: str) -> None:
    path = ROOT / "model_repo" / model / "to_compress.py"
    found = named(Runner()(path, tmp_path, STATIC, DYNAMIC, gate={"maxDrop": 0.6}))
    for name in ("int8", "int8-dynamic"):
        (reason,) = found[name].reasons
        assert reason.startswith("slower than the baseline: time x1.")
        assert not (tmp_path / name).exists()
    assert found["fp32"].published
    assert (tmp_path / "fp32" / model / "config.pbtxt").is_file()


def test_masks_gain_nothing_and_removal_does(tmp_path: Path) -> None:
    found = named(Runner()(BLOBS, tmp_path, MASKED, PRUNED, gate={"maxDrop": 0.99}))
    masked, pruned = found["masked50"], found["pruned50"]
    (reason,) = masked.reasons
    assert reason.startswith("no gain of 5% on the baseline (gate.minGain): size x1.00, time x")
    assert pruned.published, pruned.reasons
    assert pruned.quality is not None
    assert pruned.quality.accuracy > 0.95
    assert pruned.size_bytes is not None
    assert found["fp32"].size_bytes is not None
    assert pruned.size_bytes < 0.5 * found["fp32"].size_bytes
    assert all(point.high < 0.8 for point in pruned.points)


def test_masks_without_fine_tuning_lose_accuracy_too(tmp_path: Path) -> None:
    hard = {**MASKED, "name": "masked90", "prune": {"ratio": 0.9, "mode": "mask"}}
    found = named(Runner()(BLOBS, tmp_path, hard))
    assert any(reason.startswith("accuracy may be") for reason in found["masked90"].reasons)
    assert any(reason.startswith("no gain") for reason in found["masked90"].reasons)
