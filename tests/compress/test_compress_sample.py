"""The sample of a run: small, of items all over, and with the reference's own answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_repo import REPO
from model_repo.digits.sample import sample
from tests.compress.results import report
from trimtab.api.sample import read
from trimtab.compress.contract import ACCURACY, Array, Model, Samples, right_class
from trimtab.compress.recipes import Serve
from trimtab.compress.sample import LEAST_ITEMS, MAX_BYTES, MOST_ITEMS, advice, drawn, sample_of
from trimtab.compress.table import as_text
from trimtab.compress.variants import as_yaml

AGREEMENT = 0.97


def model(inputs: dict[str, Array], *, classes: bool = True) -> Model:
    items = len(next(iter(inputs.values())))
    samples = Samples(inputs, np.zeros(items))
    return Model(
        name="Some_Model",
        licence="Apache-2.0",
        data="made",
        metric=ACCURACY,
        inputs={name: array[0] for name, array in inputs.items()},
        output="y",
        module=object,
        train=samples,
        calibration=inputs,
        evaluation=samples,
        score=right_class,
        classes=classes,
        loss=None,
        student=None,
        keep=None,
        source="",
    )


def noise(*shape: int, kind: str = "float32") -> Array:
    made: Array = np.random.default_rng(1).random(shape).astype(kind)
    return made


def test_items_keep_their_values_and_their_answers() -> None:
    inputs = {"x": noise(200, 3), "ids": np.arange(400).reshape(200, 2)}
    answers = noise(200, 4)
    text = sample_of(model(inputs), answers, AGREEMENT)
    assert text is not None
    found = read(text)
    assert (found.items, found.compare, found.tolerance) == (MOST_ITEMS, "ArgMax", None)
    x, ids = found.inputs
    assert (x.datatype, ids.datatype) == ("FP32", "INT64")
    rows = [int(ids.item(i)[0]) // 2 for i in range(MOST_ITEMS)]
    assert np.array_equal(np.array([x.item(i) for i in range(MOST_ITEMS)], "f4"), inputs["x"][rows])
    given = np.array([found.outputs[0].item(i) for i in range(MOST_ITEMS)])
    assert np.allclose(given, answers[rows], rtol=1e-5)
    assert max(rows) > MOST_ITEMS, "data often comes sorted: the first items are of one class"


@pytest.mark.parametrize("outputs", [noise(60, 1), noise(60, 4, 4)])
def test_what_is_no_class_is_held_to_a_tolerance_of_the_gates(outputs: Array) -> None:
    text = sample_of(model({"x": noise(60, 3)}), outputs, AGREEMENT)
    assert text is not None
    assert (read(text).compare, read(text).tolerance) == ("Relative", 0.09)


def test_large_items_make_a_small_sample() -> None:
    text = drawn({"x": noise(60, 1500)}, {"y": noise(60, 2)}, None)
    assert text is not None
    assert LEAST_ITEMS <= read(text).items < MOST_ITEMS
    assert len(text.encode()) <= MAX_BYTES


@pytest.mark.parametrize("inputs", [noise(60, 4000), noise(60, 3, kind="float16"), noise(5, 3)])
def test_no_sample_where_too_few_fit_or_json_cannot_say_them(inputs: Array) -> None:
    assert drawn({"x": inputs}, {"y": noise(len(inputs), 2)}, None) is None


def test_how_to_use_it_is_told_where_there_is_one() -> None:
    assert advice("Some_Model", "out/sample.json").startswith(
        "kubectl create configmap some-model-sample --from-file=sample.json=out/sample.json\n"
    )
    without, made = report(), report()
    made.files["sample"] = "out/sample.json"  # type: ignore[index]
    serve = Serve()
    assert "configmap" not in as_text(without) + as_yaml(without, serve)
    assert "--from-file=sample.json=out/sample.json" in as_text(made)
    assert "#   kubectl create configmap digits-sample" in as_yaml(made, serve)


def test_the_committed_digits_sample_is_what_fp32_answers() -> None:
    committed = (REPO / "digits" / "sample.json").read_text()
    now, then = json.loads(sample()), json.loads(committed)
    assert now["inputs"] == then["inputs"]
    # Another processor rounds differently.
    assert np.allclose(now["outputs"][0]["data"], then["outputs"][0]["data"], rtol=1e-3, atol=1e-3)
    assert len(committed) < MAX_BYTES // 5
