"""A Triton of our own, where none runs: started on a model repository, ended with the run."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trimtab.profile.errors import ProfileError

_HOST = "127.0.0.1"
_READY_S, _STOP_S = 300.0, 30.0
_LOOK_S = 0.2
_TOLD_LINES = 12


@dataclass(frozen=True, slots=True)
class Started:
    """Where it listens."""

    url: str
    metrics_url: str


def find_triton(given: Path | None) -> Path:
    """The program, as named or from the PATH; ProfileError where there is none."""
    # A path first: without a slash, which looks on the PATH alone.
    names = [str(given.absolute()), str(given)] if given else ["tritonserver"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return Path(found)
    if given is not None:
        raise ProfileError(f"--triton: {given} is no program: give the path of tritonserver")
    raise ProfileError(
        "there is no tritonserver on the PATH: name one with --triton, run this inside an image of "
        "Triton (nvcr.io/nvidia/tritonserver), or start it elsewhere and give its --url"
    )


def find_model(repository: Path, asked: str | None) -> str:
    """The model of a repository: the one asked for, or the only one."""
    names = sorted(p.name for p in repository.iterdir() if is_model(p))
    if asked is not None and asked not in names:
        raise ProfileError(f"--model: {repository} has no model {asked!r}; it has: {_list(names)}")
    if asked is None and len(names) != 1:
        below = "" if names or not is_model(repository) else f" Is it {repository.parent}?"
        raise ProfileError(
            f"--repository: {repository} has {len(names)} models ({_list(names)}): name one with "
            f"--model.{below}"
        )
    return asked or names[0]


def is_model(folder: Path) -> bool:
    """Whether it holds a configuration or a version."""
    if not folder.is_dir():
        return False
    return (folder / "config.pbtxt").is_file() or any(
        p.is_dir() and p.name.isdigit() for p in folder.iterdir()
    )


@contextlib.contextmanager
def running(
    triton: Path, repository: Path, model: str, extra: Sequence[str] = ()
) -> Iterator[Started]:
    """Triton with that one model, ready; ProfileError with its last words where it is not."""
    port, metrics_port = _free_ports(2)
    command = [
        str(triton),
        f"--model-repository={repository}",
        "--model-control-mode=explicit",
        f"--load-model={model}",
        f"--http-address={_HOST}",
        f"--http-port={port}",
        f"--metrics-port={metrics_port}",
        "--allow-grpc=false",
        *_layout(triton),
        *extra,
    ]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(triton)
        )
        try:
            _await_ready(process, f"http://{_HOST}:{port}/v2/health/ready", log)
            yield Started(f"http://{_HOST}:{port}", f"http://{_HOST}:{metrics_port}/metrics")
        finally:
            _stop(process)


def _layout(triton: Path) -> list[str]:
    """Where its backends are, if they lie as in NVIDIA's images but elsewhere."""
    backends = triton.resolve().parent.parent / "backends"
    return [f"--backend-directory={backends}"] if backends.is_dir() else []


def _environment(triton: Path) -> dict[str, str]:
    libraries = triton.resolve().parent.parent / "lib"
    before = os.environ.get("LD_LIBRARY_PATH")
    path = os.pathsep.join([str(libraries), *([before] if before else [])])
    return {**os.environ, "LD_LIBRARY_PATH": path} if libraries.is_dir() else dict(os.environ)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    until_s = time.monotonic() + _READY_S
    while not _is_ready(url):
        if process.poll() is not None:
            raise ProfileError(
                f"tritonserver ended with code {process.returncode} before it was ready:\n"
                f"{_last_words(log)}"
            )
        if time.monotonic() > until_s:
            raise ProfileError(
                f"tritonserver was not ready within {_READY_S:g} s:\n{_last_words(log)}"
            )
        time.sleep(_LOOK_S)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    # Its tables and its notes say little of why.
    telling = [x for x in lines if x.strip() and x[0] not in "|+IW"] or lines
    return "\n".join(telling[-_TOLD_LINES:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
