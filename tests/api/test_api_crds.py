"""The generated CRDs: up to date, bounded throughout, and nothing in them that Kubernetes lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trimtab.api import crds

COMMITTED = Path(__file__).resolve().parents[2] / "crds"
Schema = dict[str, Any]


def openapi(kind: crds.Kind) -> Schema:
    (version,) = crds.custom_resource_definition(kind)["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema below this one, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


def ours(kind: crds.Kind) -> Iterator[tuple[str, Schema]]:
    """What trimtab says itself: spec and status."""
    for part in ("spec", "status"):
        if part in openapi(kind)["properties"]:
            yield from nodes(openapi(kind)["properties"][part], part)


every_kind = pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.plural)


@every_kind
def test_the_committed_file_is_what_the_models_say(kind: crds.Kind) -> None:
    name, text = crds.render(kind)
    assert (COMMITTED / name).read_text(encoding="utf-8") == text


def test_check_tells_a_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crds.main(["--out", str(tmp_path)]) == 0
    assert crds.main(["--out", str(tmp_path), "--check"]) == 0
    capsys.readouterr()
    stale = tmp_path / "trimtab.dev_modeldeployments.yaml"
    stale.write_text("", encoding="utf-8")
    assert crds.main(["--out", str(tmp_path), "--check"]) == 1
    assert str(stale) in capsys.readouterr().out
    assert stale.read_text(encoding="utf-8") == "", "--check writes nothing"


@every_kind
def test_every_string_list_and_map_is_bounded(kind: crds.Kind) -> None:
    """The API server prices each rule by the largest object the schema lets through."""
    unbounded = [
        path
        for path, node in ours(kind)
        if (node.get("type") == "string" and not {"maxLength", "enum"} & set(node))
        or (node.get("type") == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
        or (node.get("x-kubernetes-int-or-string") and "maxLength" not in node)
    ]
    assert unbounded == []


@every_kind
def test_every_field_says_what_it_is(kind: crds.Kind) -> None:
    silent = [
        path
        for path, node in ours(kind)
        if not path.endswith(("[]", "{}", "spec", "status")) and "description" not in node
    ]
    assert silent == []


@every_kind
def test_no_field_is_a_float_and_none_is_without_a_type(kind: crds.Kind) -> None:
    for path, node in ours(kind):
        typed = node.get("type") in ("string", "integer", "boolean", "array", "object")
        # Handed to a program as they were written: nothing computes with them and writes them back.
        handed_on = path.startswith("spec.compression.recipes.") and node.get("type") == "number"
        assert typed or handed_on or node.get("x-kubernetes-int-or-string"), path


@every_kind
def test_every_list_says_how_it_is_merged_or_has_one_owner(kind: crds.Kind) -> None:
    atomic = {"spec.tolerations", "spec.triton.extraArgs"}
    atomic |= {"status.decision.constraints", "status.decision.alternatives"}
    for path, node in ours(kind):
        if node.get("type") == "array":
            assert ("x-kubernetes-list-type" in node) != (path in atomic), path
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], f"{path}: a key has to be there"


@every_kind
def test_every_rule_has_a_message_in_one_line(kind: crds.Kind) -> None:
    for path, node in nodes(openapi(kind)):
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["message"], path
            assert "\n" not in rule["message"], path


def test_what_depends_on_the_mode_has_no_default() -> None:
    """A default would be there in every mode, and so be refused where it has no effect."""
    (model,) = (kind for kind in crds.KINDS if kind.name == "ModelDeployment")
    scaling = openapi(model)["properties"]["spec"]["properties"]["scaling"]
    assert scaling["default"] == {"mode": "Auto"}
    defaulted = {name for name, node in scaling["properties"].items() if "default" in node}
    assert defaulted == {"mode"}


def test_a_block_whose_presence_asks_for_something_has_no_default() -> None:
    # The API server wrote `distil` into the recipe of a student that nobody should teach.
    kind = next(k for k in crds.KINDS if k.plural == "modeldeployments")
    ((_, distil),) = [node for node in nodes(openapi(kind)) if node[0].endswith(".distil")]
    assert "default" not in distil
    assert distil["properties"]["weight"]["default"] == 0.5


def test_scale_is_the_manual_replicas_alone() -> None:
    (model,) = (kind for kind in crds.KINDS if kind.name == "ModelDeployment")
    (version,) = crds.custom_resource_definition(model)["spec"]["versions"]
    assert version["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.scaling.manual.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


def test_an_exclusive_bound_is_a_flag_beside_it() -> None:
    (model,) = (kind for kind in crds.KINDS if kind.name == "ModelDeployment")
    found = {path: node for path, node in ours(model) if path.endswith("prune.ratio")}
    (ratio,) = found.values()
    del ratio["description"]
    assert ratio == {
        "type": "number",
        "minimum": 0.0,
        "exclusiveMinimum": True,
        "maximum": 1.0,
        "exclusiveMaximum": True,
    }
