"""Digests of what a result depends on: arrays, sources, settings, versions."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import site
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.compress.contract import Array

_LENGTH = 16


def of_values(values: Mapping[str, Any]) -> str:
    """The same digits for the same JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def of_arrays(arrays: Mapping[str, Array]) -> str:
    """Of names, types, shapes and values."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:_LENGTH]


def of_file(path: Path) -> str:
    """The whole SHA-256 of the file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_source(path: Path) -> str:
    """Of a Python file and of the local modules that it imports, and that those import.

    What is installed does not count: versions do that. Call it where `path` can be imported.
    """
    total = hashlib.sha256()
    for file in sorted(_reached(path.resolve(), _installed())):
        total.update(file.read_bytes())
    return total.hexdigest()[:_LENGTH]


def _reached(path: Path, installed: Sequence[Path]) -> set[Path]:
    found, waiting = {path}, [path]
    while waiting:
        for file in _imported(waiting.pop()):
            if file in found or any(file.is_relative_to(p) for p in installed):
                continue
            found.add(file)
            waiting.append(file)
    return found


def _imported(path: Path) -> Iterator[Path]:
    """Python files that the file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _named(alias.name)
        elif isinstance(node, ast.ImportFrom):
            # What is imported from a package may be a module too.
            names = [alias.name for alias in node.names]
            module = node.module.split(".") if node.module else []
            if node.level:
                folder = path.parents[node.level - 1]
                yield from _beside(folder, [module, *([*module, name] for name in names)])
            else:
                yield from _named(".".join(module))
                for name in names:
                    yield from _named(".".join([*module, name]))


def _named(name: str) -> Iterator[Path]:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return
    if spec is not None and spec.has_location and (spec.origin or "").endswith(".py"):
        yield Path(str(spec.origin)).resolve()


def _beside(folder: Path, modules: Sequence[Sequence[str]]) -> Iterator[Path]:
    for parts in modules:
        place = folder.joinpath(*parts)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                yield file.resolve()


def _installed() -> list[Path]:
    """Folders of Python itself, of what is installed, and of trimtab."""
    folders = [*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()]
    return [Path(f).resolve() for f in folders] + [Path(__file__).resolve().parents[1]]
