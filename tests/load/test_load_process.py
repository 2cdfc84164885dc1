"""The generator as a process, and as a command."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.load import LoadProcess, summarise
from e2e.load.__main__ import _streaming
from e2e.load.process import LoadError
from e2e.load.stats import Second
from tests.load.server import Server

SECOND = Second(0, 1, 1, 0, 0, 0.01, 0.01)
TENSORS = ["--model", "m", "--input", "x", "--shape", "1,2", "--output", "logits"]


def test_a_process_streams_its_seconds_and_reports_every_result() -> None:
    with Server().running() as server:
        url = f"http://127.0.0.1:{server.port}"
        with LoadProcess(["--url", url, *TENSORS, "--schedule", "300ms@100"]) as load:
            report = load.report(timeout_s=30)
            seconds = load.new_seconds()
            assert load.new_seconds() == []
            assert load.started_at_s == pytest.approx(report.started_at_s, abs=0.5)
    assert sum(second.ok for second in seconds) == len(report.results) == server.connections
    assert summarise(report.results).failed == 0


def test_a_process_that_cannot_start_says_why() -> None:
    arguments = ["--url", "ftp://x", *TENSORS, "--schedule", "1s@1"]
    with LoadProcess(arguments) as load, pytest.raises(LoadError, match="not of the form"):
        load.report(timeout_s=30)


def test_a_load_that_nobody_listens_to_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    stream = _streaming(stop)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    stream(SECOND)
    assert not stop.is_set()
    read, written = os.pipe()
    os.close(read)
    with contextlib.suppress(BrokenPipeError), os.fdopen(written, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        stream(SECOND)
    assert stop.is_set()


def test_the_command_refuses_half_a_tensor() -> None:
    command = [sys.executable, "-m", "e2e.load", "--url", "http://127.0.0.1:1", *TENSORS[:4]]
    done = subprocess.run(
        [*command, "--schedule", "1s@1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "belong together" in done.stderr
