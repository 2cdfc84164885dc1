"""A real Triton as a plain process of this machine: the CPU build that the test images hold too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import pip, recipes

_PYTHON = "python"
_START_S = 60.0
_STOP_S = 15.0


class TritonError(RuntimeError):
    """It cannot be had, or does not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running one. `pid`: of the server, whose children are the Python backend's."""

    host: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds so far, its Python backends' included."""
        return sum(_cpu_s(pid) for pid in _family(self.pid))


def installed(folder: Path) -> Path:
    """Triton and what the models import, below that folder; fetched where they are not there."""
    if sys.version_info[:2] != tuple(int(part) for part in pip.PYTHON.split(".")):
        raise TritonError(f"this Triton's models run on Python {pip.PYTHON}: use that one")
    parts = (recipes.triton(), recipes.model_libraries())
    stamp = folder / "stamp.json"
    wanted = json.dumps([part.key for part in parts])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for part in parts:
            part.build(folder)
        _make_python(folder)
        stamp.write_text(wanted)
    return folder


@contextmanager
def serving(
    root: Path, repository: Path, log: Path, *, cores: Sequence[int] = (), extra: Sequence[str] = ()
) -> Iterator[Server]:
    """A Triton of `root`, ready with all models of the repository, on those cores alone."""
    http, metrics = _free_port(), _free_port()
    home = root / recipes.TRITON_HOME.lstrip("/")
    command = [
        str(home / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        f"--backend-directory={home / 'backends'}",
        f"--cache-directory={home / 'caches'}",
        "--http-address=127.0.0.1",
        f"--http-port={http}",
        f"--metrics-port={metrics}",
        "--allow-grpc=false",
        # As trimtab's pods have it: one replica, one model.
        "--http-thread-count=2",
        *extra,
    ]
    pinned = ["taskset", "-c", ",".join(map(str, cores))] if cores else []
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [*pinned, *command], env=_environment(root, home), stdout=output, stderr=output
        )
    try:
        _await_ready(process, http, log)
        yield Server("127.0.0.1", http, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _make_python(folder: Path) -> None:
    """A Python with the models' libraries: Triton takes the first of PATH, and no PYTHONPATH."""
    venv.create(folder / _PYTHON, symlinks=True)
    packages = folder / _PYTHON / "lib" / f"python{pip.PYTHON}" / "site-packages"
    libraries = next((folder / "usr").rglob("dist-packages"))
    (packages / "models.pth").write_text(f"{libraries.resolve()}\n")


def _environment(root: Path, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{root / _PYTHON / 'bin'}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": f"{home / 'lib'}:{sysconfig.get_config_var('LIBDIR')}",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
    raise TritonError(f"Triton is not ready (exit {process.poll()}); the end of {log}:\n{tail}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    # A child may belong to any thread of the server.
    for task in Path(f"/proc/{pid}/task").iterdir():
        if task.name != str(pid):
            children += (task / "children").read_text().split()
    return [pid, *(grand for child in children for grand in _family(int(child)))]


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
