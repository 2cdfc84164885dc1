"""The schemas of crds/ held against objects, as the API server does it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_CRDS = Path(__file__).resolve().parents[2] / "crds"
_TYPES: Mapping[str, Any] = {"string": str, "integer": int, "boolean": bool, "number": (int, float)}


@cache
def status_schema() -> dict[str, Any]:
    """The schema of a ModelDeployment's status."""
    crd = yaml.safe_load((_CRDS / "trimtab.dev_modeldeployments.yaml").read_text(encoding="utf-8"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Any] = schema["properties"]["status"]
    return found


def hold(schema: Mapping[str, Any], value: Any, where: str = "status") -> None:
    """AssertionError with the path where the value is not of the schema. A field that the schema
    does not know is one too: server-side apply refuses it.
    """
    kind = schema.get("type")
    if kind == "object":
        _hold_object(schema, value, where)
    elif kind == "array":
        _hold_array(schema, value, where)
    else:
        _hold_scalar(schema, value, where)


def _hold_object(schema: Mapping[str, Any], value: Any, where: str) -> None:
    assert isinstance(value, dict), f"{where} is no object: {value!r}"
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        assert name in value, f"{where}.{name} is missing"
    for name, field in value.items():
        below = known.get(name) or schema.get("additionalProperties")
        assert below, f"{where}.{name} is no field of the schema"
        hold(below, field, f"{where}.{name}")


def _hold_array(schema: Mapping[str, Any], value: Any, where: str) -> None:
    assert isinstance(value, list), f"{where} is no list: {value!r}"
    assert len(value) >= schema.get("minItems", 0), f"{where} is too short"
    assert len(value) <= schema.get("maxItems", len(value)), f"{where} is too long: {len(value)}"
    for index, entry in enumerate(value):
        hold(schema["items"], entry, f"{where}[{index}]")
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys:
        named = [tuple(entry.get(key) for key in keys) for entry in value]
        assert len(set(named)) == len(named), f"{where} names an entry twice: {named}"


def _hold_scalar(schema: Mapping[str, Any], value: Any, where: str) -> None:
    if schema.get("x-kubernetes-int-or-string"):
        assert isinstance(value, int | str), f"{where} is {value!r}"
        return
    kind = schema["type"]
    right = isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)
    assert right, f"{where} is no {kind}: {value!r}"
    assert value in schema.get("enum", [value]), f"{where} is {value!r}"
    if isinstance(value, str):
        value.encode()
        assert schema.get("minLength", 0) <= len(value), f"{where} is too short: {value!r}"
        assert len(value) <= schema.get("maxLength", len(value)), f"{where} is too long: {value!r}"
        assert re.search(schema.get("pattern", ""), value), f"{where} is {value!r}"
        if schema.get("format") == "date-time":
            assert "T" in value, f"{where} is {value!r}"
            assert datetime.fromisoformat(value).tzinfo is not None, f"{where} is {value!r}"
    elif kind != "boolean":
        assert value >= schema.get("minimum", value), f"{where} is {value!r}"
        assert value <= schema.get("maximum", value), f"{where} is {value!r}"
