"""Pydantic's JSON schema made structural, as a CustomResourceDefinition demands.

Structural schemas know no $ref, no null type, no additionalProperties beside properties, and
nothing of JSON Schema that Kubernetes' OpenAPI lacks; what is not listed here is refused, so that
nothing is dropped unseen.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from trimtab.api.wire import JsonSchema

# In the order they are written.
_KEPT = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "anyOf",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)
_DROPPED = {"title", "$defs"}
_NESTED = {"properties", "items", "additionalProperties"}


def structural_schema(model: type[BaseModel]) -> JsonSchema:
    """The structural schema of a wire model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    node = _merged(node, definitions)
    unknown = set(node) - set(_KEPT) - _DROPPED - _NESTED - {"const"}
    if unknown:
        raise ValueError(f"no structural form for {sorted(unknown)} in {node}")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    made = {key: node[key] for key in _KEPT if key in node}
    if "items" in node:
        made["items"] = _structural(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        made["additionalProperties"] = _structural(node["additionalProperties"], definitions)
    if "properties" in node:
        made["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
        _add_empty_defaults(made)
    return made


def _merged(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """The node with its reference and its null alternative folded in; its own words win."""
    node = dict(node)
    alternatives = node.get("anyOf")
    if alternatives is not None and {"type": "null"} in alternatives:
        (inner,) = (a for a in alternatives if a != {"type": "null"})
        del node["anyOf"]
        if node.get("default", ...) is None:
            del node["default"]
        node = {**_merged(inner, definitions), **node}
    reference = node.pop("$ref", None)
    if reference is not None:
        node = {**_merged(definitions[reference.rpartition("/")[2]], definitions), **node}
    return node


def _add_empty_defaults(node: JsonSchema) -> None:
    # The API server fills in the defaults of a block only where the block is there.
    for name, child in node["properties"].items():
        inner: dict[str, Any] = child.get("properties", {})
        optional = name not in node.get("required", ())
        if optional and "default" not in child and child.get("type") == "object" and inner:
            fills = any("default" in grandchild for grandchild in inner.values())
            if fills and not child.get("required"):
                child["default"] = {}
