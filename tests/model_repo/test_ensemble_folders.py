"""The ensembles of the samples: their parts fit each other, and the committed ones are whole."""

from __future__ import annotations

from typing import Any

import pytest

from model_repo import REPO
from model_repo.variants import COMMITTED, MADE_FROM
from tests.model_repo.ensembles import ENSEMBLES, config, serve
from trimtab.compress import repository, runtime

COMMITTED_PAIRS = [(sample, name) for sample, names in COMMITTED.items() for name in names]
MOST_BYTES = 3_000_000


@pytest.mark.parametrize("sample", ENSEMBLES)
def test_steps_hand_over_what_the_next_takes(sample: str) -> None:
    whole = config(serve(sample) / sample)
    first, second = whole["ensemble_scheduling"]["step"]
    prepare = config(serve(sample) / f"{sample}_prepare")
    assert first["model_name"] == prepare["name"] == f"{sample}_prepare"
    assert _wires(first) == {whole["input"][0]["name"], prepare["output"][0]["name"]}
    assert _wires(second) == {prepare["output"][0]["name"], whole["output"][0]["name"]}
    assert whole["input"] == prepare["input"]
    assert whole["max_batch_size"] == prepare["max_batch_size"] == "16"


@pytest.mark.parametrize("sample", ENSEMBLES)
def test_preparing_is_batched_and_runs_on_a_cpu(sample: str) -> None:
    folder = serve(sample) / f"{sample}_prepare"
    read = config(folder)
    assert read["dynamic_batching"] == {}
    assert read["instance_group"] == [{"kind": "KIND_CPU", "count": "1"}]
    assert (folder / "1" / "model.py").read_bytes() == (REPO / "prepare_model.py").read_bytes()


@pytest.mark.parametrize("sample", ENSEMBLES)
def test_triton_finds_a_version_of_the_ensemble(sample: str) -> None:
    assert any((serve(sample) / sample / "1").iterdir())


@pytest.mark.parametrize("sample", ["image", "text", "speech"])
def test_every_class_has_a_name(sample: str) -> None:
    (output,) = config(serve(sample) / sample)["output"]
    names = (serve(sample) / sample / output["label_filename"]).read_text().split()
    assert [str(len(names))] == output["dims"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("sample", "variant"), COMMITTED_PAIRS)
def test_a_committed_repository_holds_the_ensemble_and_its_network(
    sample: str, variant: str
) -> None:
    top = REPO / sample / variant
    for file in serve(sample).rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert (top / file.relative_to(serve(sample))).read_bytes() == file.read_bytes()
    step = config(top / sample)["ensemble_scheduling"]["step"][1]
    network = config(top / step["model_name"])
    session = runtime.open_session(top / step["model_name"] / "1" / "model.onnx")
    assert _same(session.get_inputs()[0], network["input"][0])
    assert _same(session.get_outputs()[0], network["output"][0])
    assert set(step["input_map"].values()) <= _wires(step)
    model = top / step["model_name"] / "1" / "model.py"
    assert model.read_bytes() == repository.WRAPPER.read_bytes()


@pytest.mark.parametrize("sample", COMMITTED)
def test_what_is_committed_is_small(sample: str) -> None:
    files = [f for name in COMMITTED[sample] for f in (REPO / sample / name).rglob("*.onnx")]
    assert 0 < sum(file.stat().st_size for file in files) < MOST_BYTES


@pytest.mark.parametrize("sample", MADE_FROM)
def test_every_sample_says_how_its_variants_are_made(sample: str) -> None:
    folder, recipes = MADE_FROM[sample]
    assert (REPO / folder / "to_compress.py").is_file()
    assert (REPO / recipes).is_file()


def _wires(step: dict[str, Any]) -> set[str]:
    """Names in the ensemble of what goes into a step and comes out."""
    return {step[side]["value"] for side in ("input_map", "output_map")}


def _same(tensor: Any, stated: dict[str, Any]) -> bool:
    found = tensor.name, [str(size) for size in tensor.shape[1:]]
    return found == (stated["name"], stated["dims"])
