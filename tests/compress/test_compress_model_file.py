"""MODEL.py: what it may leave out, and one message for each mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimtab.compress.contract import ACCURACY, Model
from trimtab.compress.errors import CompressError
from trimtab.compress.model_file import importable, load_model

GOOD = """
import numpy as np
name = "digits"
licence = "Apache-2.0"
data = "made up"
inputs = {"image": np.zeros((1, 4), np.float32)}
output = "logits"
def module(): return object()
def train(): return np.arange(40, dtype=np.float32).reshape(10, 1, 4), np.arange(10) % 3
def evaluation(): return np.ones((5, 1, 4), np.float32), np.zeros(5, int)
"""


def load(tmp_path: Path, text: str) -> Model:
    path = tmp_path / "m.py"
    path.write_text(text)
    with importable(path):
        return load_model(path)


def test_defaults(tmp_path: Path) -> None:
    model = load(tmp_path, GOOD)
    assert model.metric == ACCURACY
    assert model.classes
    assert (model.loss, model.student, model.keep) == (None, None, None)
    outputs = np.array([[0.1, 0.9], [0.8, 0.2]])
    assert model.score(outputs, np.array([1, 1])).tolist() == [1.0, 0.0]


def test_calibration_is_taken_from_training_items(tmp_path: Path) -> None:
    """All of these few, in another order: data often comes sorted by class."""
    model = load(tmp_path, GOOD)
    shown = model.calibration["image"]
    assert sorted(shown.ravel().tolist()) == model.train.inputs["image"].ravel().tolist()
    assert shown[:, 0, 0].tolist() != model.train.inputs["image"][:, 0, 0].tolist()


def test_several_inputs_and_all_that_is_optional(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        """
import numpy as np
name, licence, data, output, metric = "m", "MIT", "made up", "y", "closeness"
inputs = {"ids": np.zeros(3, np.int64), "mask": np.zeros(3, bool)}
keep = ["head"]
def module(): return object()
def student(): return object()
def loss(outputs, targets): return 0
def score(outputs, targets): return np.ones(len(targets))
def train(): return {"mask": np.ones((4, 3), bool), "ids": np.ones((4, 3), np.int64)}, np.ones(4)
def calibration(): return {k: v[:2] for k, v in train()[0].items()}
evaluation = train
""",
    )
    assert list(model.train.inputs) == ["ids", "mask"]  # in forward's order
    assert len(model.calibration["ids"]) == 2
    assert model.keep == ("head",)
    assert model.metric == "closeness"
    assert not model.classes


def without(name: str) -> str:
    return "\n".join(
        line for line in GOOD.splitlines() if not line.startswith((f"{name} ", f"def {name}("))
    )


@pytest.mark.parametrize(
    "name", ["name", "licence", "data", "inputs", "output", "module", "train", "evaluation"]
)
def test_what_is_missing_is_named_with_its_mend(tmp_path: Path, name: str) -> None:
    with pytest.raises(CompressError, match=rf"m\.py: {name} is missing: add .*{name}"):
        load(tmp_path, without(name))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("licence = 3", "licence is 3, not words: write licence ="),
        ("name = 'a b'", "name is 'a b': name the model as Triton serves it"),
        ("module = 3", "module is 3, no function: write def module()"),
        ("keep = 'head'", "keep is 'head': write a list"),
        ("inputs = {'image': 3}", "inputs['image'] has no dimension"),
        ("inputs = {'image': np.zeros(4, complex)}", "inputs['image'] is complex128: use one of"),
        ("metric = 'closeness'", "metric says in words what score measures"),
        ("def score(o, t): return t", "metric says in words what score measures"),
        ("def train(): return 1", "train() gave no (inputs, targets)"),
        ("def train(): raise OSError('no disk')", "train() failed: OSError: no disk"),
        ("def train(): return np.ones((3, 1, 4), np.float32), np.ones(2)", "one target an item"),
        ("def train(): return np.ones((0, 1, 4), np.float32), np.ones(0)", "not 0"),
        (
            "def evaluation(): return np.ones((3, 1, 5), np.float32), np.ones(3)",
            "'image' as float32 [3, 1, 5]: give it as in `inputs`, float32 [3, 1, 4]",
        ),
        (
            "def evaluation(): return np.ones((3, 1, 4)), np.ones(3)",
            "evaluation() gave 'image' as float64",
        ),
        (
            "def calibration(): return {'picture': np.ones((3, 1, 4))}",
            "calibration() gave inputs ['picture']: give those of `inputs`, ['image']",
        ),
        ("1 / 0", "failed: ZeroDivisionError"),
        ("import no_such_thing", "imports 'no_such_thing', which is not installed"),
        ("def", "failed: SyntaxError"),
    ],
)
def test_a_mistake_is_named_with_its_mend(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(CompressError) as caught:
        load(tmp_path, f"{GOOD}\n{more}\n")
    assert said in str(caught.value)
    assert "m.py" in str(caught.value)


def test_what_is_no_python_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("")
    with pytest.raises(CompressError, match="is no Python file"):
        load_model(tmp_path / "m.txt")


def test_a_file_may_hold_what_asks_for_its_own_module(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + GOOD
    assert load(tmp_path, f"{text}\n@dataclass\nclass Config:\n    width: int = 3\n").name


def test_modules_beside_it_can_be_imported_and_count_for_the_digest(tmp_path: Path) -> None:
    (tmp_path / "beside_for_test.py").write_text("LICENCE = 'MIT'\n")
    text = GOOD.replace('licence = "Apache-2.0"', "from beside_for_test import LICENCE as licence")
    first = load(tmp_path, text)
    assert first.licence == "MIT"
    assert load(tmp_path, text).source == first.source
    (tmp_path / "beside_for_test.py").write_text("LICENCE = 'MIT'  # changed\n")
    assert load(tmp_path, text).source != first.source


def test_the_digest_follows_relative_imports_of_imported_packages(tmp_path: Path) -> None:
    package = tmp_path / "package_for_test"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import deep\nfrom . import other\n")
    (package / "inner.py").write_text("from .deep import deep\n")
    (package / "deep.py").write_text("deep = 1\n")
    (package / "other.py").write_text("")
    (tmp_path / "unrelated.py").write_text("")
    text = f"{GOOD}\nimport package_for_test\n"
    sources = [load(tmp_path, text).source]
    for name in ("inner", "deep", "other", "__init__"):
        with (package / f"{name}.py").open("a") as file:
            file.write("# changed\n")
        sources.append(load(tmp_path, text).source)
    assert len(set(sources)) == 5
    (tmp_path / "unrelated.py").write_text("# changed\n")
    assert load(tmp_path, text).source == sources[-1]
