"""The manifests of examples/."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from e2e.kit.access import ROOT, listed
from e2e.kit.served import Stage

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


def moved(stage: Stage, obj: Object) -> Object:
    """The object in the stage's namespace; of a class there is one for all."""
    if "namespace" not in obj["metadata"]:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "namespace": stage.namespace}}


def dry_run(stage: Stage, found: Iterable[Object]) -> None:
    """Raises CommandFailed with the API server's words for what it would refuse."""
    stage.access.kubectl(
        *("apply", "--server-side", "--dry-run=server", "--validate=strict"),
        *("--field-manager=examples", "--force-conflicts", "-f", "-"),
        stdin=listed(moved(stage, obj) for obj in found),
    )
