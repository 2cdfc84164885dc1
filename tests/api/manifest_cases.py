"""The manifests under tests/manifests, and what their first lines say is to happen to them.

A file in bad/ begins with comments: `by` is who refuses it (apiserver, or operator by a
condition), `field` what the refusal points at, `expect` what the API server says, and `parser`
what trimtab's own parser says where its words differ. One wrong thing a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trimtab.api.parse import (
    parse_accelerator_class,
    parse_inference_budget,
    parse_model_deployment,
)

MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
PARSERS: dict[str, Callable[[Any], object]] = {
    "ModelDeployment": parse_model_deployment,
    "AcceleratorClass": parse_accelerator_class,
    "InferenceBudget": parse_inference_budget,
}


@dataclass(frozen=True)
class BadManifest:
    """One malformed manifest and the refusal it is to meet."""

    path: Path
    by: str
    field: str
    expect: str
    parser: str

    def __str__(self) -> str:
        return self.path.stem

    def documents(self) -> list[dict[str, Any]]:
        """The objects in the file."""
        return documents(self.path)


def documents(path: Path) -> list[dict[str, Any]]:
    """The objects in a file."""
    return [doc for doc in yaml.safe_load_all(path.read_text(encoding="utf-8")) if doc]


def bad_manifests(by: str) -> list[BadManifest]:
    """The malformed manifests that this one refuses."""
    found = [_bad_manifest(path) for path in sorted((MANIFESTS / "bad").glob("*.yaml"))]
    return [manifest for manifest in found if manifest.by == by]


def good_manifests() -> list[Path]:
    """The files that are right throughout."""
    return sorted((MANIFESTS / "good").glob("*.yaml"))


def _bad_manifest(path: Path) -> BadManifest:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return BadManifest(
        path=path,
        by=head["by"],
        field=head["field"].strip(),
        expect=head["expect"],
        parser=head.get("parser", head["expect"]),
    )
