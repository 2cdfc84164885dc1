"""Recipes: the default ones, and one message for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trimtab.compress.errors import CompressError
from trimtab.compress.recipes import Recipes, read_recipes


def read(tmp_path: Path, text: str) -> Recipes:
    path = tmp_path / "recipes.yaml"
    path.write_text(text)
    return read_recipes(path)


def test_defaults_without_and_with_a_student() -> None:
    names = [recipe.name for recipe in read_recipes(None).made(student=False, classes=True)]
    assert names == ["int8", "int8-dynamic", "fp16", "pruned30", "pruned30-int8"]
    names = [recipe.name for recipe in read_recipes(None).made(student=True, classes=True)]
    assert names[5:] == ["student", "student-int8"]


def test_defaults_without_classes_have_no_teacher() -> None:
    taught = read_recipes(None).made(student=True, classes=True)
    alone = read_recipes(None).made(student=True, classes=False)
    assert [r.name for r in alone] == [r.name for r in taught]
    assert any(r.train and r.train.distil for r in taught)
    assert not any(r.train and r.train.distil for r in alone)


def test_a_file_is_read(tmp_path: Path) -> None:
    recipes = read(
        tmp_path,
        """
        seed: 7
        gate: {maxDrop: 0.01}
        measure: {batches: [1, 4]}
        serve: {acceleratorClass: cpu-1, image: "registry.example/digits:3"}
        variants:
        - name: small
          prune: {ratio: 0.4, roundTo: 16}
          train: {epochs: 3, learningRate: 0.002, distil: {temperature: 4, control: false}}
          quantise: {mode: static, format: QOperator}
        """,
    )
    (small,) = recipes.made(student=True, classes=True)
    assert recipes.seed == 7
    assert recipes.gate.max_drop == 0.01
    assert recipes.serve.accelerator_class == "cpu-1"
    assert small.prune is not None
    assert small.prune.round_to == 16
    assert small.train is not None
    assert small.train.distil is not None
    assert small.train.distil.weight == 0.5
    assert small.quantise is not None
    assert small.quantise.format == "QOperator"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sed: 1", "sed is no field of Recipes: remove 'sed' or correct its name"),
        ("- int8", "the object: write it as a map of fields"),
        ("variants: []", "variants: needs at least 1 entry: add one"),
        ("variants: [{name: a}]", "variants[0]: has no step: add prune, train, precision"),
        ("variants: [{prune: {ratio: 0.3}}]", "variants[0].name is missing: add it"),
        ("variants: [{name: A_b, precision: fp16}]", 'variants[0].name is "A_b": name the variant'),
        (
            "variants: [{name: fp32, precision: fp16}]",
            'variants[0].name is "fp32": name fp32 is the baseline\'s',
        ),
        (
            "variants: [{name: a, prune: {ratio: 1}}]",
            "prune.ratio is 1: must be below 1.0: lower it",
        ),
        (
            "variants: [{name: a, prune: {ratio: yes}}]",
            "variants[0].prune.ratio is true: write it as a number",
        ),
        (
            "variants: [{name: a, network: student}]",
            'variants[0].network is "student": network student knows nothing',
        ),
        (
            "variants: [{name: a, precision: fp16, quantise: {mode: static}}]",
            'variants[0].precision is "fp16": precision fp16 or bf16 cannot be quantised',
        ),
        (
            "variants: [{name: a, quantise: {mode: dynamic, format: QDQ}}]",
            "quantise.format has an effect only with mode static: remove it",
        ),
        (
            "variants: [{name: a, precision: fp16}, {name: a, precision: bf16}]",
            'variants[1].name is "a": stands in the list twice',
        ),
        ("gate: {maxDrop: -1}", "gate.maxDrop is -1: must be at least 0.0: raise it"),
        ("measure: {batches: [1, 1]}", "measure.batches[1] is 1: stands in the list twice"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_mistake_names_field_value_and_mend(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CompressError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "recipes.yaml" in str(caught.value)


def test_a_file_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="No such file"):
        read_recipes(tmp_path / "none.yaml")


def test_the_example_in_the_docs_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "compress.md").read_text()
    example = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    recipes = read(tmp_path, example)
    assert len(recipes.made(student=True, classes=True)) == 4
    shown = Recipes.model_validate({"serve": {"image": "registry.example/digits:1"}})
    for part in ("seed", "threads", "gate", "measure", "serve"):
        assert getattr(recipes, part) == getattr(shown, part), f"{part} has another default"
