"""Short hashes that tell one thing from another: in names, annotations and the status. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trimtab.api.resources import ModelSource

_LENGTH = 8


def hash_of(fields: Mapping[str, Any]) -> str:
    """Eight digits, the same for the same JSON."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def source_fields(source: ModelSource) -> Mapping[str, Any]:
    """Without what is empty: a field that a later version adds must not look like a change."""
    return {"kind": type(source).__name__, **{k: v for k, v in asdict(source).items() if v}}
