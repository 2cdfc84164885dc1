"""Helpers for tests of the ensembles: their prepare.py, and their configurations read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from model_repo import REPO
from trimtab.actuate import pbtxt

ENSEMBLES = ("image", "text", "speech", "sentences")


def prepare(sample: str) -> ModuleType:
    """The module that Triton's model.py imports as `prepare`."""
    path = serve(sample) / f"{sample}_prepare" / "1" / "prepare.py"
    spec = importlib.util.spec_from_file_location(f"{sample}_prepare", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve(sample: str) -> Path:
    return REPO / sample / "serve"


def config(folder: Path) -> dict[str, Any]:
    """A config.pbtxt by field: text, numbers and lists as they are, messages as dictionaries."""
    return _fields(pbtxt.Parser((folder / "config.pbtxt").read_text()).message())


def _fields(fields: list[pbtxt.Field]) -> dict[str, Any]:
    return {field.name: _value(field.value) for field in fields}


def _value(value: Any) -> Any:
    if isinstance(value, pbtxt.Message):
        return _fields(value.fields)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value.strip('"')
