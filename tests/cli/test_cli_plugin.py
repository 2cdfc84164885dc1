"""`kubectl trimtab`: by the names in pyproject.toml kubectl finds the command, and what completes
it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trimtab

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KUBECTL = Path(sys.executable).parent / "kubectl"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with what an install puts there."""
    for name, target in tomllib.loads(PYPROJECT.read_text())["project"]["scripts"].items():
        module, _, function = target.partition(":")
        script = tmp_path / name
        script.write_text(f"#!{sys.executable}\nfrom {module} import {function} as run\nrun()\n")
        script.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def kubectl(path: str, *arguments: str) -> str:
    package = str(Path(trimtab.__file__).parents[1])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": package}
    command = [str(KUBECTL), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def test_kubectl_runs_it_and_the_help_says_so(path: str) -> None:
    assert "Usage: kubectl trimtab plan [OPTIONS]" in kubectl(path, "trimtab", "plan", "--help")


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (("pl",), ["plan\tShows one decision and applies nothing.", ":4"]),
        (("plan", "--output", ""), ["table", "json", "yaml", ":4"]),
        (("plan", "-f", ""), [":0"]),
    ],
)
def test_kubectl_completes_it(path: str, words: tuple[str, ...], proposed: list[str]) -> None:
    assert kubectl(path, "__complete", "trimtab", *words).split("\n")[:-1] == proposed
