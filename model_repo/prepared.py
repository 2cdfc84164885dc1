"""The prepare.py of a sample's ensemble, loaded from where Triton serves it."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def prepare_module(folder: Path) -> ModuleType:
    """`folder`: NAME_prepare/1. Loaded once: preparing an item takes less than that."""
    path = folder / "prepare.py"
    spec = importlib.util.spec_from_file_location(folder.parent.name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
