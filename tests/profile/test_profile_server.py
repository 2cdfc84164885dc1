"""A Triton of our own: what is missing is said, and what was started is ended."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from trimtab.profile.errors import ProfileError
from trimtab.profile.server import find_model, find_triton, running

SERVES = """
import http.server
import sys

given = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
open({record!r}, "w").write("\\n".join(sys.argv[1:]))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.HTTPServer((given["http-address"], int(given["http-port"])), Handler).serve_forever()
"""
DIES = """
import sys

print("I1125 started", file=sys.stderr)
print("E1125 failed to load 'digits': no numpy", file=sys.stderr)
sys.exit(3)
"""


def program(folder: Path, text: str) -> Path:
    path = folder / "bin" / "tritonserver"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def model(repository: Path, name: str) -> None:
    (repository / name / "1").mkdir(parents=True)


def test_it_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, DIES)
    monkeypatch.setenv("PATH", str(path.parent))
    assert find_triton(None) == path
    assert find_triton(path) == path
    assert find_triton(Path("tritonserver")) == path


def test_a_path_from_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, DIES)
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("PATH", "")
    assert find_triton(Path("tritonserver")) == path


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProfileError, match="no tritonserver on the PATH: name one with --triton"):
        find_triton(None)
    with pytest.raises(ProfileError, match=r"--triton: .*nothing is no program"):
        find_triton(tmp_path / "nothing")


def test_the_only_model_needs_no_name(tmp_path: Path) -> None:
    model(tmp_path, "digits")
    (tmp_path / "lost+found").mkdir()
    assert find_model(tmp_path, None) == "digits"
    model(tmp_path, "xor")
    assert find_model(tmp_path, "xor") == "xor"
    with pytest.raises(ProfileError, match=r"has 2 models \(digits, xor\): name one with --model"):
        find_model(tmp_path, None)
    with pytest.raises(ProfileError, match="has no model 'nor'; it has: digits, xor"):
        find_model(tmp_path, "nor")


def test_a_models_own_folder_is_no_repository(tmp_path: Path) -> None:
    model(tmp_path, "digits")
    with pytest.raises(ProfileError, match=f"has 0 models .none.*Is it {tmp_path}?"):
        find_model(tmp_path / "digits", None)


def test_it_is_started_and_ended(tmp_path: Path) -> None:
    record = tmp_path / "arguments"
    triton = program(tmp_path, SERVES.format(record=str(record)))
    (tmp_path / "backends").mkdir()
    with running(triton, tmp_path / "models", "digits", ["--log-verbose=1"]) as started:
        assert started.url.startswith("http://127.0.0.1:")
        assert started.metrics_url.endswith("/metrics")
        given = record.read_text().splitlines()
    assert f"--model-repository={tmp_path / 'models'}" in given
    assert "--load-model=digits" in given
    assert f"--backend-directory={tmp_path / 'backends'}" in given
    assert given[-1] == "--log-verbose=1"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_its_last_words_are_told(tmp_path: Path) -> None:
    triton = program(tmp_path, DIES)
    with (
        pytest.raises(ProfileError, match=r"ended with code 3 .*\n.*no numpy$") as told,
        running(triton, tmp_path, "digits"),
    ):
        pass
    assert "I1125" not in str(told.value)
