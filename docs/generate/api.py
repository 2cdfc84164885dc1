"""The custom resources, field by field, as their CRDs have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from trimtab.api.crds import KINDS, Kind, custom_resource_definition

Schema = dict[str, Any]

_SCOPES = {"Namespaced": "in a namespace", "Cluster": "of the whole cluster"}
_UNNAMED = ("description", "default", "x-kubernetes-list-type", "x-kubernetes-list-map-keys")


def api_reference() -> str:
    """The part of the page that follows from the models."""
    return "\n".join(part for kind in KINDS for part in _kind(kind))


def _kind(kind: Kind) -> Iterator[str]:
    crd = custom_resource_definition(kind)["spec"]
    (version,) = crd["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    yield f"## {kind.name}\n\n{schema['description']}\n"
    yield (
        f"`{crd['group']}/{version['name']}`, {_SCOPES[crd['scope']]};"
        f" `kubectl get {kind.short_name}` or `{kind.plural}`.\n"
    )
    yield from _rules(schema)
    seen: dict[str, str] = {}
    for part in ("spec", "status"):
        if part in schema["properties"]:
            yield from _object(kind, part, schema["properties"][part], seen)


def _object(kind: Kind, path: str, schema: Schema, seen: dict[str, str]) -> Iterator[str]:
    """A block's section, then those of the blocks in it. `seen`: where a block of that shape was
    told already."""
    seen[_shape(schema)] = path
    yield f"### {kind.name}: {path}\n\n{_text(schema.get('description', ''))}\n"
    required = set(schema.get("required", ()))
    lines = ["| field | type | what it is |", "|---|---|---|"]
    below: list[tuple[str, Schema]] = []
    for name, field in schema["properties"].items():
        block, mark = _block_of(field)
        inner = f"{path}.{name}{mark}"
        link = ""
        if block is not None:
            known = seen.get(_shape(block))
            if known is None:
                below.append((inner, block))
            link = f" ([fields](#{_anchor(kind, known or inner)}))"
        shown = f"`{name}`" + (", required" if name in required else "")
        lines.append(f"| {shown} | {_type(field)}{link} | {_told(field)} |")
    yield "\n".join(lines) + "\n"
    yield from _rules(schema)
    for inner, block in below:
        if _shape(block) not in seen:
            yield from _object(kind, inner, block, seen)


def _rules(schema: Schema) -> Iterator[str]:
    rules = schema.get("x-kubernetes-validations", ())
    if rules:
        yield "Refused, with these words:\n"
        yield "\n".join(f"- {_text(rule['message'])}" for rule in rules) + "\n"


def _block_of(field: Schema) -> tuple[Schema | None, str]:
    """The block that a field holds, and how its path goes on."""
    if "properties" in field:
        return field, ""
    if "properties" in field.get("items", {}):
        return field["items"], "[]"
    return None, ""


def _shape(schema: Schema) -> str:
    return json.dumps({k: v for k, v in schema.items() if k not in _UNNAMED}, sort_keys=True)


def _anchor(kind: Kind, path: str) -> str:
    """As GitHub and the site make it of the heading."""
    return f"{kind.name}-{path}".lower().replace(".", "").replace("[]", "")


def _type(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in field:
        kind = {"set": "list of distinct", "map": "list of"}.get(
            field.get("x-kubernetes-list-type", ""), "list of"
        )
        inner = "blocks" if "properties" in field["items"] else f"{_type(field['items'])}s"
        keys = field.get("x-kubernetes-list-map-keys")
        by = f", told apart by {' and '.join(f'`{key}`' for key in keys)}" if keys else ""
        return f"{kind} {inner}{by}"
    if "additionalProperties" in field:
        return f"map of string to {_type(field['additionalProperties'])}"
    return "block" if "properties" in field else str(field["type"])


def _told(field: Schema) -> str:
    """Description, default, bounds, and how to write it."""
    parts = [_text(field.get("description", ""))]
    if "default" in field and not isinstance(field["default"], dict):
        parts.append(f"Default: `{json.dumps(field['default'])}`.")
    parts += _bounds(field)
    inner = field.get("items") or field.get("additionalProperties") or {}
    if "properties" not in inner:
        parts += [f"Each: {text[0].lower()}{text[1:]}" for text in _bounds(inner)]
    return " ".join(part for part in parts if part)


def _bounds(field: Schema) -> Iterator[str]:
    for low, high, what in (
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " entries"),
    ):
        least, most = field.get(low), field.get(high)
        above, below = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
        if None not in (least, most) and not above and not below:
            yield f"From {least} to {most}{what}."
            continue
        words = []
        if least is not None:
            words.append(f"above {least}" if above else f"{least} or more")
        if most is not None:
            words.append(f"below {most}" if below else f"at most {most}")
        if words:
            yield f"{' and '.join(words)}{what}.".capitalize()
    if "properties" in field:
        return
    rules = field.get("x-kubernetes-validations", ())
    for rule in rules:
        message = _text(rule["message"])
        yield f"{message[0].upper()}{message[1:]}."
    longest = field.get("maxLength")
    if longest is not None and not any(f"at most {longest}" in rule["message"] for rule in rules):
        yield f"At most {longest} characters."


def _text(text: str) -> str:
    """As one line of a table; what Markdown would take for its own is left as it is written."""
    parts = " ".join(text.split()).split("`")
    return "`".join(part if i % 2 else _escaped(part) for i, part in enumerate(parts))


def _escaped(text: str) -> str:
    for letter in "\\|<>*_":
        text = text.replace(letter, f"\\{letter}")
    return text
