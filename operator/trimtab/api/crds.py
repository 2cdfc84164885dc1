"""Write crds/*.yaml from the wire models: `python -m trimtab.api.crds [--check] [--out crds]`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from trimtab.api.resources import GROUP, VERSION
from trimtab.api.schema_root import (
    AcceleratorClassResource,
    InferenceBudgetResource,
    ModelDeploymentResource,
)
from trimtab.api.schema_status import ModelDeploymentStatus
from trimtab.api.structural import structural_schema
from trimtab.api.wire import Wire

_HEADER = (
    "# Generated from operator/trimtab/api by `python -m trimtab.api.crds`; change it there.\n"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of kubectl get; priority 1 shows with -o wide alone."""

    name: str
    type: str
    path: str
    description: str
    priority: int = 0

    def as_schema(self) -> dict[str, Any]:
        """The entry of additionalPrinterColumns."""
        schema: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.path,
            "description": self.description,
        }
        if self.priority:
            schema["priority"] = self.priority
        return schema


_AGE = Column("Age", "date", ".metadata.creationTimestamp", "Time since it was made")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a CRD says beside its schema."""

    root: type[Wire]
    plural: str
    short_name: str
    scope: str
    columns: tuple[Column, ...]
    status: type[BaseModel] | None = None
    scale: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The kind."""
        return self.root.__name__.removesuffix("Resource")


def _condition(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


KINDS = (
    Kind(
        root=ModelDeploymentResource,
        plural="modeldeployments",
        short_name="md",
        scope="Namespaced",
        status=ModelDeploymentStatus,
        scale=(
            ("specReplicasPath", ".spec.scaling.manual.replicas"),
            ("statusReplicasPath", ".status.replicas"),
            ("labelSelectorPath", ".status.selector"),
        ),
        columns=(
            Column("Ready", "string", _condition("status"), "Whether it serves as declared"),
            # Not called P99: the promise may be about another percentile, and the value names it.
            Column("Observed", "string", ".status.summary.latency", "Observed latency"),
            Column("SLO", "string", ".spec.slo.latency.target", "Promised latency"),
            Column("Variant", "string", ".status.summary.variants", "Variants that run"),
            Column("Replicas", "string", ".status.summary.replicas", "Ready of asked for"),
            Column("$/h", "string", ".status.cost.perHour", "Cost of its replicas per hour"),
            _AGE,
            Column("Reason", "string", _condition("reason"), "Why it is ready or not", priority=1),
            Column("Mode", "string", ".spec.scaling.mode", "Who decides", priority=1),
            Column("Budget", "string", ".status.cost.budgetPerHour", "Limit per hour", priority=1),
        ),
    ),
    Kind(
        root=AcceleratorClassResource,
        plural="acceleratorclasses",
        short_name="ac",
        scope="Cluster",
        columns=(
            Column("$/h", "string", ".spec.pricePerHour", "Cost of one replica per hour"),
            Column("Max", "integer", ".spec.maxReplicas", "Most replicas of all models together"),
            _AGE,
        ),
    ),
    Kind(
        root=InferenceBudgetResource,
        plural="inferencebudgets",
        short_name="ib",
        scope="Namespaced",
        columns=(Column("$/h", "string", ".spec.perHour", "The most per hour"), _AGE),
    ),
)


def custom_resource_definition(kind: Kind) -> dict[str, Any]:
    """The whole CRD of a kind."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root_schema(kind)},
        "additionalPrinterColumns": [column.as_schema() for column in kind.columns],
    }
    subresources: dict[str, Any] = {}
    if kind.status is not None:
        subresources["status"] = {}
    if kind.scale:
        subresources["scale"] = dict(kind.scale)
    if subresources:
        version["subresources"] = subresources
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": ["trimtab"],
            },
            "versions": [version],
        },
    }


def _root_schema(kind: Kind) -> dict[str, Any]:
    made = structural_schema(kind.root)
    properties = {
        # The API server owns these three; a CRD may not say more about them.
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": made["properties"]["spec"],
    }
    if kind.status is not None:
        properties["status"] = structural_schema(kind.status)
    root = {"description": made["description"], "type": "object", "required": ["spec"]}
    if "x-kubernetes-validations" in made:
        root["x-kubernetes-validations"] = made["x-kubernetes-validations"]
    return {**root, "properties": properties}


def render(kind: Kind) -> tuple[str, str]:
    """File name and text of a kind's CRD."""
    body = yaml.safe_dump(
        custom_resource_definition(kind), sort_keys=False, width=100, allow_unicode=True
    )
    return f"{GROUP}_{kind.plural}.yaml", _HEADER + body


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with --check say which differ; 1 where one does."""
    parser = argparse.ArgumentParser(prog="python -m trimtab.api.crds", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("crds"), help="folder of the files")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    stale = []
    for kind in KINDS:
        name, text = render(kind)
        path = options.out / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path))
        if not options.check:
            options.out.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path_text in stale:
        what = "is stale: run `python -m trimtab.api.crds`" if options.check else "written"
        sys.stdout.write(f"{path_text} {what}\n")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
