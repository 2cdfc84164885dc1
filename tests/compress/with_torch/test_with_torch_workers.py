"""Two real processes that torchrun starts, on this machine: what they make, and how they fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from tests.compress.with_torch.runner import BLOBS, NO_TORCH, PRUNED, ROOT, Runner, named
from trimtab.api import told

torch: Any = pytest.importorskip("torch", reason=NO_TORCH)

STUDENT = {
    "name": "student",
    "network": "student",
    "train": {"epochs": 3, "distil": {"control": False}},
}
RECIPES: dict[str, Any] = {
    "threads": 1,
    "measure": {"batches": [1, 8], "seconds": 0.1},
    "variants": [PRUNED, STUDENT],
}
# Beside the good ones: what goes wrong on one worker alone.
SPOILT = """
import os

from tests.compress.with_torch.blobs import *
from tests.compress.with_torch import blobs

import torch

SECOND = os.environ.get("RANK") == "1"
steps = 0
"""
# Notes the weights of every network that was trained, as this worker has it.
NOTING = """
import os, sys
from pathlib import Path
from trimtab.compress import digest, helper, make, train
from trimtab.cli import main

def noted(net, *given, **named):
    train.train(net, *given, **named)
    weights = {name: t.detach().numpy() for name, t in net.state_dict().items()}
    with open(f"digests-{os.environ['RANK']}", "a") as out:
        out.write(digest.of_arrays(weights) + "\\n")

make.train = helper.train = noted
main()
"""


def started(
    folder: Path, model: Path, recipes: dict[str, Any] = RECIPES, script: str | None = None
) -> subprocess.Popen[str]:
    """`trimtab compress` by two workers that find each other as in a cluster: each under a torchrun
    of its own, so that the end of one does not end the other."""
    folder.mkdir(exist_ok=True)
    program = folder / "program.py"
    program.write_text(script or "from trimtab.cli import main\nmain()\n")
    rendezvous = ["--rdzv-backend=static", "--master-addr=127.0.0.1"]
    rendezvous += [f"--master-port={_port()}", "--local-addr=127.0.0.1", "--nnodes=2"]
    command = " & ".join(
        f'{sys.executable} -m torch.distributed.run --nproc-per-node=1 --node-rank={rank} "$@" '
        f"--message={folder / f'message-{rank}'}"
        for rank in (1, 0)
    )
    compress = [str(program), "compress", str(model), f"--out={folder / 'out'}"]
    given = [*rendezvous, *compress, f"--recipes-json={json.dumps(recipes)}"]
    return subprocess.Popen(
        ["bash", "-c", f"{command}; code=$?; wait; exit $code", "-", *given],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}", "GLOO_SOCKET_IFNAME": "lo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


def _port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def message(folder: Path, rank: int = 0) -> told.Told:
    return told.read((folder / f"message-{rank}").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two workers left of one run that later tests look at."""
    folder = tmp_path_factory.mktemp("workers")
    code, said = ended(started(folder, BLOBS, script=NOTING))
    assert code == 0, said
    return folder


@pytest.mark.timeout(300)
def test_two_workers_hold_the_same_weights_to_the_last_bit(run: Path) -> None:
    first, second = ((run / f"digests-{rank}").read_text().split() for rank in (0, 1))
    assert first == second
    assert len(first) == 2


@pytest.mark.timeout(300)
def test_two_workers_publish_what_one_process_does(run: Path, tmp_path: Path) -> None:
    alone = Runner()(BLOBS, tmp_path, *RECIPES["variants"])
    found = message(run)
    published = [name for name, result in named(alone).items() if result.published]
    assert [variant.name for variant in found.published] == published
    assert published == ["fp32", "pruned50", "student"]
    report = json.loads((run / "out" / "report.json").read_text())
    for result in report["variants"]:
        quality = named(alone)[result["name"]].quality
        assert quality is not None
        assert result["accuracy"] == pytest.approx(quality.accuracy, abs=0.02)
    assert not (run / "message-1").exists(), "the first worker alone tells"


@pytest.mark.timeout(300)
def test_data_that_only_one_worker_cannot_read_ends_both(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(
        SPOILT
        + textwrap.dedent(
            """
            def train():
                if SECOND:
                    raise FileNotFoundError("no data here")
                return blobs.train()
            """
        )
    )
    code, said = ended(started(tmp_path / "run", model))
    assert code != 0
    for rank in (0, 1):
        error = message(tmp_path / "run", rank).error
        assert error is not None, said
        assert "worker 1:" in error
        assert "no data here" in error


@pytest.mark.timeout(300)
def test_data_that_differ_are_found_out(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    text = "def train():\n    x, y = blobs.train()\n    return (x[::-1].copy() if SECOND else x), y"
    model.write_text(SPOILT + text + "\n")
    code, _ = ended(started(tmp_path / "run", model))
    assert code != 0
    error = message(tmp_path / "run").error
    assert error is not None
    assert "train() of model.py gives it other data" in error


@pytest.mark.timeout(300)
def test_a_loss_that_fails_on_one_worker_refuses_that_variant_alone(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(
        SPOILT
        + textwrap.dedent(
            """
            def loss(answer, target):
                global steps
                steps += 1
                if SECOND and steps == 3:
                    raise ValueError("a bad item")
                return torch.nn.functional.cross_entropy(answer, target)
            """
        )
    )
    code, said = ended(started(tmp_path / "run", model))
    assert code == 0, said
    found = message(tmp_path / "run")
    assert found.refused == ["pruned50"]
    assert [variant.name for variant in found.published] == ["fp32", "student"]
    report = json.loads((tmp_path / "run" / "out" / "report.json").read_text())
    (reason,) = next(v["reasons"] for v in report["variants"] if v["name"] == "pruned50")
    assert "worker 1: ValueError: a bad item" in reason


@pytest.mark.timeout(300)
def test_a_worker_that_dies_ends_the_run_and_publishes_nothing(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(
        SPOILT
        + textwrap.dedent(
            """
            def loss(answer, target):
                global steps
                steps += 1
                if SECOND and steps == 3:
                    os.kill(os.getpid(), 9)
                return torch.nn.functional.cross_entropy(answer, target)
            """
        )
    )
    before = time.monotonic()
    code, said = ended(started(tmp_path / "run", model))
    assert code != 0
    error = message(tmp_path / "run").error
    assert error is not None, said
    assert "a worker is gone" in error
    assert not (tmp_path / "run" / "out" / "variants.yaml").exists()
    assert time.monotonic() - before < 120, "nobody waits for the dead"
