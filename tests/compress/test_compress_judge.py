"""Judging and publishing the committed samples with ONNX Runtime, without torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from model_repo import REPO
from model_repo.digits import data
from trimtab.api.schema_recipes import Gate, Measure, Quantise, Recipe
from trimtab.compress import judge, repository, runtime
from trimtab.compress.contract import ACCURACY, Array, Model, Samples, right_class
from trimtab.compress.errors import CompressError
from trimtab.compress.made import Failed, Made
from trimtab.compress.publish import file_list, publish
from trimtab.compress.recipes import Recipes
from trimtab.compress.report import Report, Result
from trimtab.compress.repository import Served, Tensor

IMAGES = 40
SERVED = Served("digits", (Tensor("image", (1, 8, 8)),), (Tensor("logits", (10,)),))
BASELINE = Recipe.model_construct(name="fp32")
INT8 = Recipe(name="int8", quantise=Quantise(mode="static"))
# So few images prove nothing under ten points.
RECIPES = Recipes(gate=Gate(max_drop=0.15), measure=Measure(batches=[1], seconds=0.01))


@contextmanager
def silent(words: str, steps: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


@pytest.fixture(scope="module")
def model() -> Model:
    images, labels = data.held_out()
    samples = Samples({"image": data.requests(images[:IMAGES])}, labels[:IMAGES].astype(int))
    return Model(
        name="digits",
        licence="Apache-2.0",
        data="scikit-learn's digits",
        metric=ACCURACY,
        inputs={"image": np.zeros((1, 8, 8), np.float32)},
        output="logits",
        module=object,
        train=samples,
        calibration=samples.inputs,
        evaluation=samples,
        score=right_class,
        classes=True,
        loss=None,
        student=None,
        keep=None,
        source="",
    )


def onnx(variant: str) -> Path:
    return repository.onnx_path(REPO / "digits", "digits", variant)


@pytest.fixture(scope="module")
def reference(model: Model) -> Array:
    """As torch would answer."""
    return runtime.outputs(runtime.open_session(onnx("fp32")), model.evaluation.inputs)


@pytest.fixture
def variants(reference: Array) -> list[Made | Failed]:
    return [
        Made(BASELINE, onnx("fp32"), onnx("fp32"), reference),
        Made(INT8, onnx("int8"), onnx("fp32"), reference, control=reference),
    ]


def test_int8_is_faster_smaller_and_as_right(
    tmp_path: Path, model: Model, variants: list[Made | Failed]
) -> None:
    fp32, int8 = judge.judge(model, RECIPES, variants, tmp_path, silent)
    assert fp32.published
    assert int8.published, int8.reasons
    assert int8.quality is not None
    assert int8.quality.accuracy >= 0.95
    assert int8.quality.agreement >= 0.95
    assert int8.points[0].high < 0.8
    assert int8.control is not None


def test_timings_of_the_same_files_are_kept(
    tmp_path: Path, model: Model, variants: list[Made | Failed]
) -> None:
    first = judge.judge(model, RECIPES, variants, tmp_path, silent)
    assert judge.judge(model, RECIPES, variants, tmp_path, silent) == first
    slower = RECIPES.model_copy(update={"measure": Measure(batches=[2], seconds=0.01)})
    assert judge.judge(model, slower, variants, tmp_path, silent)[0].points[0].batch == 2


def test_what_cannot_be_made_or_run_is_refused_with_its_reason(
    tmp_path: Path, model: Model, variants: list[Made | Failed], reference: Array
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    variants = [
        variants[0],
        Failed(INT8, "it cannot be made: OSError: no disk"),
        Made(INT8.model_copy(update={"name": "broken"}), broken, broken, reference),
    ]
    _, failed, unreadable = judge.judge(model, RECIPES, variants, tmp_path / "t", silent)
    assert failed.reasons == ("it cannot be made: OSError: no disk",)
    assert unreadable.reasons[0].startswith("ONNX Runtime cannot run it on this machine: ")


def test_a_baseline_that_differs_from_torch_ends_the_run(
    tmp_path: Path, model: Model, variants: list[Made | Failed], reference: Array
) -> None:
    """Everything else is judged against it."""
    variants[0] = Made(BASELINE, onnx("fp32"), onnx("fp32"), reference * 1.01)
    with pytest.raises(CompressError, match="the module's own export is wrong: its outputs are up"):
        judge.judge(model, RECIPES, variants, tmp_path, silent)


def test_scores_outside_0_to_1_are_a_mistake(
    tmp_path: Path, model: Model, variants: list[Made | Failed]
) -> None:
    wrong = replace(model, score=lambda outputs, targets: 2 * np.ones(len(targets)))
    with pytest.raises(CompressError, match=r"score gave \[40\] values for 40 items: return one"):
        judge.judge(wrong, RECIPES, variants, tmp_path, silent)


def published(out: Path, model: Model, variants: list[Made | Failed], *results: Result) -> None:
    files = file_list(out, results, sample=True)
    report = Report("digits", ACCURACY, "A processor", results, files)
    made = {v.recipe.name: v for v in variants if isinstance(v, Made)}
    common = {"opset": 20, "seed": 0, "versions": {}}
    publish(out, model, RECIPES, made, SERVED, report, common, "a sample")


def test_publishing_writes_all_of_it_and_withdraws_what_is_refused_now(
    tmp_path: Path, model: Model, variants: list[Made | Failed]
) -> None:
    fp32, int8 = judge.judge(model, RECIPES, variants, tmp_path / "times", silent)
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    published(out, model, variants, fp32, int8)
    folder = out / "int8" / "digits"
    assert (folder / "1" / "model.onnx").read_bytes() == onnx("int8").read_bytes()
    card = json.loads((out / "cards" / "int8.json").read_text())
    for field in ("data", "licence", "metric", "accuracy", "ci95", "size_bytes", "opset"):
        assert card[field]
    assert len(card["sha256"]) == 64
    assert [v["name"] for v in yaml.safe_load((out / "variants.yaml").read_text())["variants"]] == [
        "fp32",
        "int8",
    ]
    assert json.loads((out / "report.json").read_text())["variants"][1]["published"]
    assert (out / "sample.json").read_text() == "a sample"
    published(out, model, variants, fp32, replace(int8, reasons=("slower",)))
    assert not (out / "int8").exists()
    assert not (out / "cards" / "int8.json").exists()
    assert (out / "mine").is_dir()
    assert not json.loads((out / "report.json").read_text())["variants"][1]["published"]
