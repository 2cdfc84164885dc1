"""Triton's own description of config.pbtxt, read by protobuf's own parser: the judge of ours."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import tritonclient


def _load() -> ModuleType:
    # By its path: tritonclient.grpc imports grpcio, which the judge does not need.
    path = Path(tritonclient.__path__[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_MODULE = _load()


def parsed(text: str) -> Any:
    """The ModelConfig of that text; raises where Triton would not read it."""
    return importlib.import_module("google.protobuf.text_format").Parse(text, _MODULE.ModelConfig())
