"""The manifests of examples/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from e2e.kit.access import ROOT

EXAMPLES = ROOT / "examples"
GROUP = "trimtab.dev"

Object = dict[str, Any]


def manifests() -> list[Path]:
    """Every file that a user would apply; a kustomization is rendered, and test data is read."""
    found = sorted(EXAMPLES.rglob("*.yaml"))
    foreign = ("kustomization.yaml", "health_test.yaml")
    return [p for p in found if p.name not in foreign and p.parent.name != "testdata"]


def objects(path: Path) -> list[Object]:
    """The objects in a file."""
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def group_of(obj: Object) -> str:
    """Its API group, empty for the core's."""
    return str(obj["apiVersion"]).rpartition("/")[0]


def is_ours(obj: Object) -> bool:
    """Whether trimtab's CRDs bring its kind."""
    return group_of(obj) == GROUP
