"""A task's published variants through a real Triton, beside its baseline; kept in a file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.variants import ladder
from bench.variants.asked import ASKED
from bench.variants.ladder import Climb, Rung
from model_repo.variants import BUILD, assemble, serve_folder

FILE = "served.json"


def climbs(sample: str, names: list[str], root: Path, core: int) -> dict[str, Climb]:
    """By variant, the baseline first. What was measured of the same files is not measured again."""
    made = BUILD / sample
    key, kept = _key(sample, names), made / FILE
    if kept.exists() and (stored := json.loads(kept.read_text()))["key"] == key:
        return {name: _climb(raw) for name, raw in stored["climbs"].items()}
    asked = ASKED[sample]()
    found: dict[str, Climb] = {}
    for name in names:
        limit_ms = found[names[0]].limit_ms() if found else None
        repository = assemble(sample, name, made / ".served" / name)
        log = made / ".served" / f"{name}.log"
        found[name] = ladder.climb(root, repository, log, asked, core, limit_ms)
    raw = {name: dataclasses.asdict(climb) for name, climb in found.items()}
    kept.write_text(json.dumps({"key": key, "climbs": raw}, indent=2) + "\n")
    return found


def _key(sample: str, names: list[str]) -> str:
    """Of all that is served, and how it is asked."""
    total = hashlib.sha256(repr((names, ladder.CLIENTS, ladder.SECONDS)).encode())
    folders = [BUILD / sample / name for name in names]
    serve = serve_folder(sample)
    for folder in [*folders, serve] if serve else folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                total.update(file.read_bytes())
    return total.hexdigest()[:16]


def _climb(raw: Mapping[str, Any]) -> Climb:
    return Climb(tuple(Rung(**rung) for rung in raw["rungs"]), raw["right"])
