"""Variants as they are made: what is in the files, that runs repeat, and that they go on."""

from __future__ import annotations

import os
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.compress.test_compress_variants import MANIFEST
from tests.compress.with_torch.runner import (
    BLOBS,
    DYNAMIC,
    NO_TORCH,
    PRUNED,
    SENTENCES,
    STATIC,
    Runner,
    named,
    onnx_file,
)
from trimtab.api.parse import parse_model_deployment
from trimtab.compress import runtime
from trimtab.compress.report import Report
from trimtab.observe.sample import questions

torch: Any = pytest.importorskip("torch", reason=NO_TORCH)

QOPERATOR = {"name": "int8-qop", "quantise": {"mode": "static", "format": "QOperator"}}
STUDENT = {"name": "student", "network": "student", "train": {"epochs": 3, "distil": {}}}
FP16, BF16 = {"name": "fp16", "precision": "fp16"}, {"name": "bf16", "precision": "bf16"}
SMALL = {**PRUNED, "name": "pruned50-int8", "quantise": {"mode": "static"}}
ALL = (STATIC, QOPERATOR, DYNAMIC, PRUNED, SMALL, STUDENT, FP16, BF16)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def report(out: Path) -> Report:
    """One run that later tests look at."""
    return Runner()(BLOBS, out, *ALL)


def graph(path: Path) -> Any:
    return import_module("onnx").load(path).graph


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in graph(path).node)


def test_what_is_published_runs_and_can_be_pasted(report: Report, out: Path) -> None:
    found = named(report)
    block = "".join(f"  {line}\n" for line in (out / "variants.yaml").read_text().splitlines())
    deployment = parse_model_deployment(yaml.safe_load(MANIFEST + block))
    published = [name for name, result in found.items() if result.published]
    assert [variant.name for variant in deployment.variants] == published
    assert {"fp32", "int8", "pruned50", "pruned50-int8", "student"} <= set(published)
    for variant in deployment.variants:
        quality = found[variant.name].quality
        assert quality is not None
        assert float(variant.accuracy) == pytest.approx(quality.accuracy, abs=1e-6)
        session = runtime.open_session(onnx_file(out, "blobs", variant.name))
        assert [spec.name for spec in session.get_inputs()] == ["image"]
        assert session.get_outputs()[0].shape[1:] == [9]


def test_what_is_published_agrees_on_the_sample(report: Report, out: Path) -> None:
    """As a pod would be asked it, by the operator's own code."""
    asked = questions((out / "sample.json").read_text())
    (image,) = asked.sample.inputs
    for name in (result.name for result in report.results if result.published):
        session = runtime.open_session(onnx_file(out, "blobs", name))
        answers = runtime.outputs(session, np.array(image.data, "f4").reshape(image.shape))
        agreed = sum(
            asked.agrees(item, {"outputs": [{"name": "logits", "data": answer.tolist()}]})
            for item, answer in enumerate(answers)
        )
        assert agreed >= 0.98 * asked.sample.items or name == "student"


def test_static_int8_has_s8_weights_by_channel_and_u8_activations(
    report: Report, out: Path
) -> None:
    qdq = graph(onnx_file(out, "blobs", "int8"))
    weights = {i.name: i for i in qdq.initializer}
    tensor = import_module("onnx").TensorProto
    kernels = [i for i in qdq.initializer if len(i.dims) == 4 and i.data_type == tensor.INT8]
    assert len(kernels) == 3
    quantised = [node for node in qdq.node if node.op_type == "QuantizeLinear"]
    assert quantised
    for node in quantised:
        assert weights[node.input[2]].data_type == tensor.UINT8
    names = {kernel.name for kernel in kernels}
    read = [n for n in qdq.node if n.op_type == "DequantizeLinear" and n.input[0] in names]
    # A scale for each output channel.
    assert [list(weights[node.input[1]].dims) for node in read] == [[64]] * 3
    assert operators(onnx_file(out, "blobs", "int8-qop"))["QLinearConv"] == 3


def test_dynamic_int8_leaves_convolutions_alone(report: Report, out: Path) -> None:
    found = operators(next(path for path in quantised(out) if "MatMulInteger" in operators(path)))
    assert found["ConvInteger"] == 0
    assert found["Conv"] == 3


def test_an_encoder_of_two_inputs_gains_by_dynamic_int8(tmp_path: Path) -> None:
    found = named(Runner()(SENTENCES, tmp_path, DYNAMIC, gate={"maxDrop": 0.05}))["int8-dynamic"]
    assert found.published, found.reasons
    assert found.points[0].high < 0.9
    session = runtime.open_session(onnx_file(tmp_path, "sentences", "int8-dynamic"))
    assert [(i.name, i.type) for i in session.get_inputs()] == [
        ("ids", "tensor(int64)"),
        ("mask", "tensor(bool)"),
    ]
    config = (tmp_path / "int8-dynamic" / "sentences" / "config.pbtxt").read_text()
    assert 'name: "mask" data_type: TYPE_BOOL dims: [ 32 ]' in config


def quantised(out: Path) -> list[Path]:
    return sorted((out / ".work" / "quantised").glob("*/model.onnx"))


def test_pruning_removes_channels_in_eights_and_keeps_the_classes(
    report: Report, out: Path
) -> None:
    shapes = [tuple(i.dims) for i in graph(onnx_file(out, "blobs", "pruned50")).initializer]
    kernels = [shape for shape in shapes if len(shape) == 4]
    assert kernels == [(32, 1, 3, 3), (32, 32, 3, 3), (32, 32, 3, 3)]
    assert (9, 32 * 64) in shapes


def test_the_control_without_a_teacher_stands_beside_the_student(report: Report) -> None:
    student = named(report)["student"]
    assert student.control is not None
    accuracy, (low, high) = student.control
    assert low <= accuracy <= high
    assert named(report)["pruned50"].control is None


def test_half_precision_halves_the_file_and_bf16_cannot_run_here(report: Report) -> None:
    found = named(report)
    fp16, fp32 = found["fp16"], found["fp32"]
    assert fp16.size_bytes is not None
    assert fp32.size_bytes is not None
    assert fp16.size_bytes < 0.6 * fp32.size_bytes
    assert fp16.quality is not None
    assert fp16.quality.agreement > 0.99
    (reason,) = found["bf16"].reasons
    assert reason.startswith("ONNX Runtime cannot run it on this machine: ")


def test_a_second_run_makes_nothing_again(report: Report, out: Path) -> None:
    made = {path: os.stat(path).st_mtime_ns for path in (out / ".work").rglob("*.onnx")}
    runner = Runner()
    again = runner(BLOBS, out, *ALL)
    assert runner.worked == ["judge"]
    assert again == report
    assert {path: os.stat(path).st_mtime_ns for path in (out / ".work").rglob("*.onnx")} == made


def test_another_recipe_makes_that_one_alone(report: Report, out: Path) -> None:
    """Quantising begins with the pruned network that is there already."""
    other = {**SMALL, "quantise": {"mode": "static", "format": "QOperator"}}
    runner = Runner()
    runner(BLOBS, out, *(other if v is SMALL else v for v in ALL))
    assert runner.worked == ["pruned50-int8: quantise", "judge", "time 8 files"]


def test_runs_repeat(report: Report, out: Path, tmp_path: Path) -> None:
    """On one machine with one number of threads; another may sum in another order."""
    again = Runner()(BLOBS, tmp_path, PRUNED, STUDENT, STATIC)
    images = import_module("tests.compress.with_torch.blobs").evaluation()[0]
    for name in ("fp32", "int8", "pruned50", "student"):
        before, after = (
            runtime.outputs(runtime.open_session(onnx_file(folder, "blobs", name)), images)
            for folder in (out, tmp_path)
        )
        scale = np.abs(before).max()
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-4 * scale)
        one, other = named(report)[name].quality, named(again)[name].quality
        assert one is not None
        assert other is not None
        assert other.accuracy == one.accuracy
