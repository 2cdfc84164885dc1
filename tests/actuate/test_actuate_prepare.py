"""prepare.py as a pod runs it: a process of its own, with nothing but its two files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.actuate.model_config import parsed
from trimtab.actuate.config import SCRIPTS, script

MODEL_REPO = Path(__file__).parents[2] / "model_repo"


class Pod:
    """The folders of a pod."""

    def __init__(self, root: Path) -> None:
        self.scripts, self.source, self.models = (
            root / name for name in ("trimtab", "source", "models")
        )
        for folder in (self.scripts, self.source, self.models):
            folder.mkdir()
        for name in SCRIPTS:
            (self.scripts / name).write_text(script(name))

    def add(self, path: str, text: str = "") -> None:
        """A file of the source."""
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        (self.source / path).write_text(text)

    def prepare(self, path: str = "", **overlay: Any) -> subprocess.CompletedProcess[str]:
        """Run the script on the repository at that path of the source."""
        values = {
            "model": "m",
            "max_batch_size": 8,
            "max_queue_delay_microseconds": 500,
            "max_queue_size": 200,
            "queue_timeout_microseconds": None,
            "instance_count": 2,
            "config_name": None,
            **overlay,
        }
        return subprocess.run(
            [
                sys.executable,
                "-I",
                str(self.scripts / "prepare.py"),
                f"--source={self.source / path}",
                f"--target={self.models}",
                f"--overlay={json.dumps(values)}",
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
            # The pod's root is read-only.
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )

    def ready(self, path: str = "", **overlay: Any) -> Any:
        """The config.pbtxt that Triton will read, after a run that succeeds."""
        done = self.prepare(path, **overlay)
        assert done.returncode == 0, done.stderr
        return parsed((self.models / overlay.get("model", "m") / "config.pbtxt").read_text())


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_files_are_linked_and_the_config_is_merged(pod: Pod) -> None:
    pod.add("repo/m/1/model.onnx", "weights")
    pod.add("repo/m/labels.txt", "cat")
    pod.add("repo/m/config.pbtxt", 'name: "m"\nmax_batch_size: 32\n')
    config = pod.ready("repo")
    assert config.max_batch_size == 8
    assert config.instance_group[0].count == 2
    linked = pod.models / "m" / "1"
    assert linked.is_symlink()
    assert (linked / "model.onnx").read_text() == "weights"
    assert (pod.models / "m" / "labels.txt").read_text() == "cat"
    assert (pod.source / "repo/m/config.pbtxt").read_text() == 'name: "m"\nmax_batch_size: 32\n'


def test_without_a_config_triton_completes_name_and_plan(pod: Pod) -> None:
    pod.add("m/1/model.onnx")
    config = pod.ready()
    assert (config.name, config.max_batch_size) == ("m", 8)
    assert not config.backend


def test_a_second_run_in_the_same_pod_begins_anew(pod: Pod) -> None:
    pod.add("m/1/model.onnx", "weights")
    pod.add("other/1/model.onnx")
    pod.ready()
    shutil.rmtree(pod.source / "other")
    assert pod.ready(max_batch_size=4).max_batch_size == 4
    assert os.listdir(pod.models) == ["m"]
    assert (pod.source / "m/1/model.onnx").read_text() == "weights"


def test_parts_of_an_ensemble_come_along_and_what_is_no_model_does_not(pod: Pod) -> None:
    pod.add("m/config.pbtxt", "ensemble_scheduling { step [ { model_name: 'part' } ] }")
    pod.add("part/1/model.onnx")
    pod.add("lost+found/x")
    pod.add("README.md")
    pod.ready()
    assert sorted(os.listdir(pod.models)) == ["m", "part"]
    assert (pod.models / "part").is_symlink()
    assert (pod.models / "m" / "1").is_dir()


def test_the_chosen_alternative_is_what_the_plan_is_merged_into(pod: Pod) -> None:
    pod.add("m/1/model.onnx")
    pod.add("m/config.pbtxt", 'backend: "python" max_batch_size: 2')
    pod.add("m/configs/gpu.pbtxt", 'backend: "onnxruntime" max_batch_size: 32')
    config = pod.ready(config_name="gpu")
    assert (config.backend, config.max_batch_size) == ("onnxruntime", 8)
    # Triton would read it in place of the merged one.
    assert not (pod.models / "m" / "configs").exists()
    assert pod.ready(config_name="absent").backend == "python"


def test_what_had_no_effect_is_said(pod: Pod) -> None:
    pod.add("m/1/model.onnx")
    pod.add("m/config.pbtxt", "max_batch_size: 0")
    assert "takes no batches: 8 is not set" in pod.prepare().stdout


@pytest.mark.parametrize(
    ("files", "path", "says"),
    [
        (["a/1/model.onnx", "b/1/x"], "", "no model folder 'm' in {source}: it holds a/, b/"),
        ([], "", "no model folder 'm' in {source}: it holds nothing"),
        (["repo/m/1/x"], "rpo/x", "the source has no folder {source}/rpo/x: {source} holds repo/"),
        (["m/1/model.onnx"], "m", "points to a model's own folder, not to the repository above"),
        (["m/model.onnx", "m/01/x"], "", "m has no version folder such as 1/; it holds 01/, model"),
        ([f"model{n:02}/1/x" for n in range(30)], "", "model19/ and 10 more"),
    ],
)
def test_what_is_wrong_with_the_source_is_named(
    pod: Pod, files: list[str], path: str, says: str
) -> None:
    for file in files:
        pod.add(file)
    done = pod.prepare(path)
    assert done.returncode == 1
    assert says.format(source=pod.source) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_config_that_cannot_be_read_is_named_with_its_place(pod: Pod) -> None:
    pod.add("m/1/model.onnx")
    pod.add("m/config.pbtxt", 'name: "m"\ninput [ {')
    done = pod.prepare()
    assert done.returncode == 1
    assert f"{pod.source}/m/config.pbtxt: line 2, column 10: expected a field" in done.stderr


def test_a_config_that_is_no_text_is_named(pod: Pod) -> None:
    pod.add("m/1/model.onnx")
    (pod.source / "m/config.pbtxt").write_bytes(b"\xff\xfe\x00")
    done = pod.prepare()
    assert done.returncode == 1
    assert "config.pbtxt cannot be read" in done.stderr


@pytest.mark.parametrize(
    "config",
    sorted(MODEL_REPO.glob("*/*/*/config.pbtxt")),
    ids=lambda path: "/".join(path.parts[-4:-1]),
)
def test_our_own_models_are_prepared(pod: Pod, config: Path) -> None:
    model = config.parent
    shutil.copytree(model.parent, pod.source, dirs_exist_ok=True)
    ours = parsed(config.read_text())
    made = pod.ready(model=model.name)
    if ours.HasField("ensemble_scheduling"):
        assert made == ours
        return
    assert made.max_batch_size == min(8, ours.max_batch_size)
    assert made.instance_group[0].kind == ours.instance_group[0].kind
    for field in ("name", "backend", "input", "output"):
        assert getattr(made, field) == getattr(ours, field)
