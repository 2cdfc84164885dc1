"""The schemas of trimtab's kinds as an API server publishes them that has the CRDs of crds/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from trimtab.api.resources import GROUP, VERSION

_CRDS = Path(__file__).parents[1] / "crds"


def schemas() -> dict[str, dict[str, Any]]:
    """By kind."""
    crds = (yaml.safe_load(file.read_text()) for file in sorted(_CRDS.glob("*.yaml")))
    return {
        crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in crds
    }


def published(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document that holds them."""
    return {
        "components": {
            "schemas": {
                f"dev.trimtab.{VERSION}.{kind}": {
                    **schema,
                    "x-kubernetes-group-version-kind": [
                        {"group": GROUP, "version": VERSION, "kind": kind}
                    ],
                }
                for kind, schema in schemas.items()
            }
        }
    }
