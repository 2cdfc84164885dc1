"""Pydantic's JSON schema made structural, as a CustomResourceDefinition demands.

Structural schemas know no $ref, no null type, no additionalProperties beside properties, and
nothing of JSON Schema that Kubernetes' OpenAPI lacks; what is not listed here is refused, so that
nothing is dropped unseen.
"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import BaseModel

from trimtab.api.wire import SWITCH, JsonSchema

# In the order they are written.
_KEPT = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
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
_DROPPED = {"title", "$defs", SWITCH}
_NESTED = {"properties", "items", "additionalProperties"}


def structural_schema(model: type[BaseModel]) -> JsonSchema:
    """The structural schema of a wire model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    node = _with_bounds(_merged(node, definitions))
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
        switches = {n for n, child in node["properties"].items() if child.get(SWITCH)}
        _add_block_defaults(made, switches)
    return made


def _with_bounds(node: JsonSchema) -> JsonSchema:
    """Kubernetes' OpenAPI has a flag beside the bound where JSON Schema has the bound itself."""
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if flag in node:
            node |= {bound: node[flag], flag: True}
    return node


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


def _add_block_defaults(node: JsonSchema, switches: Collection[str]) -> None:
    """Give an optional block the defaults of its fields, so that they hold where it is left out.

    Not a block whose presence alone asks for something: a student that nobody should teach was
    taught, as the API server had written `distil` into its recipe. Spelled out, though the API
    server would fill in an empty block: it holds the block's rules against the default as it
    stands.
    """
    for name, child in node["properties"].items():
        if name in node.get("required", ()) or "required" in child or "default" in child:
            continue
        if name in switches:
            continue
        fields = child.get("properties", {})
        defaults = {key: field["default"] for key, field in fields.items() if "default" in field}
        if defaults:
            child["default"] = defaults
