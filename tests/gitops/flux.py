"""How Flux tells whether an object is applied: by kstatus, or by a Kustomization's expressions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import celpy
import yaml
from celpy.adapter import json_to_cel

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "examples" / "flux" / "models.yaml"

# The order in which Flux asks; the first that is true is its verdict.
ORDER = {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}


@cache
def _programs() -> dict[str, Any]:
    """The expressions of the example for a ModelDeployment."""
    documents = [d for d in yaml.safe_load_all(MODELS.read_text()) if d["kind"] == "Kustomization"]
    (found,) = documents[0]["spec"]["healthCheckExprs"]
    assert (found["apiVersion"], found["kind"]) == ("trimtab.dev/v1alpha1", "ModelDeployment")
    environment = celpy.Environment()
    return {key: environment.program(environment.compile(found[key])) for key in ORDER}


def by_expressions(obj: Any) -> str:
    """The verdict of the expressions; Unknown where one fails, and then Flux asks again."""
    if _unobserved(obj):
        return "InProgress"
    scope = {key: json_to_cel(value) for key, value in obj.items()}
    for key, program in _programs().items():
        try:
            holds = bool(program.evaluate(scope))
        except celpy.CELEvalError:
            return "Unknown"
        if holds:
            return ORDER[key]
    return "InProgress"


def by_kstatus(obj: Any) -> str:
    """The verdict of kstatus' generic rules, for an object of a kind that it knows nothing of."""
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if _unobserved(obj):
        return "InProgress"
    conditions = obj.get("status", {}).get("conditions", ())
    standard = {"Reconciling": "InProgress", "Stalled": "Failed"}
    for condition in conditions:
        if condition["type"] in standard and condition["status"] == "True":
            return standard[condition["type"]]
    ready = [c["status"] for c in conditions if c["type"] == "Ready"]
    return "Current" if not ready or ready[0] == "True" else "InProgress"


def _unobserved(obj: Any) -> bool:
    observed = obj.get("status", {}).get("observedGeneration")
    return observed is not None and observed != obj["metadata"]["generation"]
