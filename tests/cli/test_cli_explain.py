"""`trimtab explain`: what the status says, in words; 1 where it says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.cluster import FakeCluster
from tests.control.test_control_status import NOW, full, state, told
from tests.control.world import model_deployment
from trimtab.cli import main
from trimtab.control.status import build_problem_status, build_status
from trimtab.core.conditions import stalled


def explained(tmp_path: Path, status: dict[str, Any] | None, *arguments: str) -> Result:
    """The command on a cluster whose `digits` has that status."""
    model = model_deployment()
    model["metadata"]["generation"] = 3
    with FakeCluster(model if status is None else {**model, "status": status}) as cluster:
        config = cluster.kubeconfig(tmp_path)
        return CliRunner().invoke(main, ["explain", *arguments, "--kubeconfig", config])


def status() -> dict[str, Any]:
    return build_status(state(), told(full(), state()), {}, NOW)


def test_it_says_what_was_decided_what_binds_and_what_was_not_taken(tmp_path: Path) -> None:
    done = explained(tmp_path, status(), "digits")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    for words in (
        "shop/digits ScaleUp at 1970-01-12T13:46:40Z",
        "decided int8 cpu 6 0.60 0.98",
        "wanted int8 cpu 9",
        "instead fp32 cpu 8 0.80 0.99 dearer",
        "binds Budget: 9 wanted, 6 allowed",
        "limit ShrinkStep: 1 at a time",
        "the plan costs at most 0.42 % more",
        "may shrink at 1970-01-12T13:47:40Z",
        "p99 100ms promised, 50ms predicted, 41ms observed (by TritonSummary)",
        "cache 72 % of the requests were answered from response caches",
    ):
        assert words in said


def test_json_is_the_status(tmp_path: Path) -> None:
    done = explained(tmp_path, status(), "digits", "-o", "json", "-n", "shop")
    assert json.loads(done.stdout) == status()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dogs",), "There is no ModelDeployment 'dogs' in namespace 'shop'"),
        (("digits", "-n", "zoo"), "There is no ModelDeployment 'digits' in namespace 'zoo'"),
    ],
)
def test_a_model_that_is_not_there(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = explained(tmp_path, status(), *arguments)
    assert done.exit_code == 1
    assert said in done.output


def test_a_model_that_nobody_looked_at_yet(tmp_path: Path) -> None:
    done = explained(tmp_path, None, "digits")
    assert done.exit_code == 1
    assert "Nothing was decided on shop/digits yet: is the operator running?" in done.output


def test_a_model_that_cannot_be_decided_on_says_why(tmp_path: Path) -> None:
    problem = build_problem_status(3, {}, stalled("InvalidSpec", "spec.model: …"), NOW)
    done = explained(tmp_path, problem, "digits")
    assert done.exit_code == 1
    assert "Nothing was decided on shop/digits yet: spec.model: …" in done.output


def test_words_about_an_older_spec_are_marked(tmp_path: Path) -> None:
    done = explained(tmp_path, {**status(), "observedGeneration": 2}, "digits")
    assert "was changed since; this is of before" in done.output
