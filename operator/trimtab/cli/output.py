"""What the commands print for programs: the same data as JSON or as YAML."""

from __future__ import annotations

import json
from typing import Any

import yaml


def as_document(data: Any, output: str) -> str:
    """The data as `--output json` or `--output yaml` has it, without the last newline."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if output == "json":
        return text
    # Through JSON, so that both say the same: YAML's writer knows no enumeration and no tuple.
    return yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True).rstrip("\n")
