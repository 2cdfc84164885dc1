"""Helpers for tests of the ensembles: their prepare.py, and their configurations read."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from model_repo import REPO
from model_repo.prepared import prepare_module
from trimtab.actuate import pbtxt

ENSEMBLES = ("image", "text", "speech", "sentences")


def prepare(sample: str) -> ModuleType:
    """The module that Triton's model.py imports as `prepare`."""
    return prepare_module(serve(sample) / f"{sample}_prepare" / "1")


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
