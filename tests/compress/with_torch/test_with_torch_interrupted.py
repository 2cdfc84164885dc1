"""A run that ends in the middle of what it publishes: Triton sees whole repositories or none."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compress.with_torch.runner import BLOBS, NO_TORCH, ROOT, STATIC, Runner, onnx_file

pytest.importorskip("torch", reason=NO_TORCH)

# Dies when all but the network of the repository is written.
DYING = """
import os, shutil, signal, sys
copyfile = shutil.copyfile
def dies(source, target):
    if str(target).endswith("1/model.onnx"):
        os.kill(os.getpid(), signal.SIGKILL)
    return copyfile(source, target)
shutil.copyfile = dies
from tests.compress.with_torch.runner import Runner, STATIC
from pathlib import Path
Runner()(Path(sys.argv[1]), Path(sys.argv[2]), STATIC)
"""


def shown(out: Path) -> list[str]:
    """What stands in the folder for whoever looks for model repositories."""
    return sorted(folder.name for folder in out.iterdir() if not folder.name.startswith("."))


def held(repository: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in repository.rglob("*") if file.is_file()}


def test_a_run_that_was_killed_leaves_no_half_repository_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(BLOBS), str(out)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"},
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == -9, done.stderr
    assert shown(out) == []
    runner = Runner()
    report = runner(BLOBS, out, STATIC)
    assert "fp32: export" not in runner.worked, "what was finished is kept"
    for result in report.results:
        assert onnx_file(out, report.model, result.name).exists() == result.published
    assert not list(out.glob(".unfinished*"))


def test_a_disk_that_is_full_ends_the_run_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    Runner()(BLOBS, out, STATIC)
    before = held(out / "fp32")

    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            Runner()(BLOBS, out, STATIC)
    assert held(out / "fp32") == before
    assert not list(out.glob(".unfinished*"))
