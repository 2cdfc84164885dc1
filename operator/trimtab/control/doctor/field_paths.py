"""The fields of a custom resource: those that an API server serves, and those that this trimtab
knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from trimtab.api.crds import KINDS, custom_resource_definition

_PARTS = ("spec", "status")


def field_paths(schema: Mapping[str, Any]) -> frozenset[str]:
    """Of spec and status, such as `spec.variants[].name`. The rest is the API server's own."""
    properties = schema.get("properties") or {}
    return frozenset(
        path for part in _PARTS if part in properties for path in _below(part, properties[part])
    )


@lru_cache
def known_paths() -> Mapping[str, frozenset[str]]:
    """Those of the packaged CRDs, by kind."""
    known = {}
    for kind in KINDS:
        (version,) = custom_resource_definition(kind)["spec"]["versions"]
        known[kind.name] = field_paths(version["schema"]["openAPIV3Schema"])
    return known


def _below(path: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield path
    for name, child in (schema.get("properties") or {}).items():
        yield from _below(f"{path}.{name}", child)
    for field, mark in (("items", "[]"), ("additionalProperties", "{}")):
        child = schema.get(field)
        if isinstance(child, Mapping):
            yield from _below(path + mark, child)
