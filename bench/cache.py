"""Results of runs kept between calls, by a hash of everything they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

_FOLDER = Path.home() / ".cache" / "trimtab" / "bench"
_PACKAGE = Path(__file__).parent.parent / "operator" / "trimtab"


def kept(inputs: Sequence[Any], files: Iterable[Path], run: Callable[[], Any]) -> Any:
    """What `run` returned for these inputs and these files before, or returns now; plain JSON."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode())
    for path in sorted(files):
        digest.update(str(path).encode() + path.read_bytes())
    place = _FOLDER / f"{digest.hexdigest()}.json"
    if place.exists():
        return json.loads(place.read_text(encoding="utf-8"))
    result = run()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(result), encoding="utf-8")
    return result


def sources(*, decision: bool) -> list[Path]:
    """The files a simulated run depends on; the whole decision only where trimtab decides."""
    found = list((_PACKAGE / "simulate").rglob("*.py"))
    if decision:
        return found + list((_PACKAGE / "core").rglob("*.py"))
    own = _PACKAGE / "simulate" / "policies" / "trimtab.py"
    return [p for p in found if p != own]
