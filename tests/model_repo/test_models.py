"""The committed ONNX files do what their cards say; numpy and onnxruntime are enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_repo import REPO, card_path
from model_repo.classifier import data as classifier_data
from model_repo.digits import data as digits_data
from trimtab.compress import cards, repository, runtime
from trimtab.compress.interval import wilson

VARIANTS = [("xor", "fp32"), ("classifier", "fp32"), ("digits", "fp32"), ("digits", "int8")]
ONE_MIB = 1 << 20


def session(model: str, variant: str) -> Any:
    return runtime.open_session(repository.onnx_path(REPO / model, model, variant))


def result(model: str, variant: str) -> dict[str, Any]:
    found: dict[str, Any] = cards.read(card_path(REPO, model))["variants"][variant]
    return found


def folder(model: str, variant: str) -> Path:
    return repository.onnx_path(REPO / model, model, variant).parent.parent


def test_xor_table() -> None:
    table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    p = runtime.outputs(session("xor", "fp32"), table)
    assert (p[:, 0] > 0.5).tolist() == [False, True, True, False]
    assert np.abs(p[:, 0] - [0, 1, 1, 0]).max() < 0.1
    assert result("xor", "fp32")["correct"] == 4


@pytest.mark.parametrize("which", ["training", "held out"])
def test_classifier_reproduces_its_card(which: str) -> None:
    card = result("classifier", "fp32")
    if which == "training":
        (x, y), stated = classifier_data.train_set(), card["training_set"]
    else:
        (x, y), stated = classifier_data.held_out_set(), card
    assert len(y) == stated["n"]
    assert (runtime.outputs(session("classifier", "fp32"), x).argmax(1) == y).sum() == (
        stated["correct"]
    )


@pytest.mark.parametrize(("variant", "step"), [("fp32", 9), ("int8", 3)])
def test_digits_reproduce_their_card(variant: str, step: int) -> None:
    """Some of the held-out images, to stay fast, and every one the card says is misread."""
    images, labels = digits_data.held_out()
    stated = result("digits", variant)
    misread = set(stated["misread"])
    assert len(labels) == stated["n"] == 540
    assert len(misread) == stated["n"] - stated["correct"]
    chosen = np.array(sorted(misread | set(range(0, len(labels), step))))
    logits = runtime.outputs(session("digits", variant), digits_data.requests(images[chosen]))
    found = set(chosen[logits.argmax(1) != labels[chosen]].tolist())
    # Another processor rounds differently, which may tip an image that is on the edge.
    assert len(found ^ misread) <= 1


def test_int8_within_one_point_of_fp32() -> None:
    fp32, int8 = result("digits", "fp32"), result("digits", "int8")
    assert int8["accuracy"] >= fp32["accuracy"] - 0.01


def test_int8_pays() -> None:
    """A variant that is not faster has no reason to be published."""
    fp32, int8 = result("digits", "fp32")["ms"], result("digits", "int8")["ms"]
    assert all(int8[batch] * 1.5 < fp32[batch] for batch in fp32)


@pytest.mark.parametrize(("model", "variant"), VARIANTS)
def test_batch_is_dynamic_and_rows_are_independent(model: str, variant: str) -> None:
    opened = session(model, variant)
    (spec,) = opened.get_inputs()
    x = np.random.default_rng(1).uniform(0, 1, (3, *spec.shape[1:])).astype(np.float32)
    together = runtime.outputs(opened, x)
    alone = runtime.outputs(opened, x, batch=1)
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize(("model", "variant"), VARIANTS)
def test_folder_is_complete(model: str, variant: str) -> None:
    path = folder(model, variant)
    assert (path / "1" / "model.py").read_bytes() == repository.WRAPPER.read_bytes()
    onnx = (path / "1" / "model.onnx").read_bytes()
    assert len(onnx) == result(model, variant)["size_bytes"] < ONE_MIB
    for trace in (b"stack_trace", b"site-packages", b", line "):
        assert trace not in onnx, "the exporter's notes about its own run are still in the file"
    (spec,) = session(model, variant).get_inputs()
    (out,) = session(model, variant).get_outputs()
    for config, backend, kind in (
        (path / "config.pbtxt", "python", "KIND_CPU"),
        (path / "configs" / "onnxruntime.pbtxt", "onnxruntime", "KIND_GPU"),
    ):
        text = config.read_text()
        for field in (
            f'name: "{model}"',
            f'backend: "{backend}"',
            "max_batch_size: 16",
            "dynamic_batching { }",
            f"kind: {kind} count: 1",
            _tensor("input", spec),
            _tensor("output", out),
        ):
            assert field in text


def _tensor(field: str, spec: Any) -> str:
    dims = ", ".join(str(size) for size in spec.shape[1:])
    return f'{field} [ {{ name: "{spec.name}" data_type: TYPE_FP32 dims: [ {dims} ] }} ]'


@pytest.mark.parametrize(("model", "variant"), VARIANTS)
def test_card_is_consistent(model: str, variant: str) -> None:
    card = cards.read(card_path(REPO, model))
    stated = card["variants"][variant]
    assert stated["accuracy"] == pytest.approx(stated["correct"] / stated["n"], abs=1e-6)
    assert stated["ci95"] == pytest.approx(wilson(stated["correct"], stated["n"]), abs=1e-6)
    assert list(stated["ms"]) == [str(batch) for batch in runtime.BATCHES]
    for field in ("task", "data", "licence", "metric", "opset", "versions", "measure"):
        assert card[field]


def test_held_out_images_are_small_and_whole() -> None:
    images, labels = digits_data.held_out()
    assert images.shape == (540, 8, 8)
    assert images.dtype == labels.dtype == np.uint8
    assert images.max() == 16
    assert set(labels.tolist()) == set(range(10))
    assert digits_data.HELD_OUT.stat().st_size < 100_000
