"""Malformed manifests are refused with the field and the mend named; good ones are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.manifest_cases import (
    MANIFESTS,
    PARSERS,
    BadManifest,
    bad_manifests,
    documents,
    good_manifests,
)
from trimtab.api import schema_root
from trimtab.api.resources import InvalidResource, ModelDeployment
from trimtab.api.wire import Rule, Wire

BY_APISERVER = bad_manifests("apiserver")
BY_OPERATOR = bad_manifests("operator")


def problems_of(manifest: BadManifest) -> tuple[str, ...]:
    (document,) = manifest.documents()
    with pytest.raises(InvalidResource) as refusal:
        PARSERS[document["kind"]](document)
    return refusal.value.problems


@pytest.mark.parametrize("manifest", BY_APISERVER, ids=str)
def test_what_the_api_server_refuses_the_parser_refuses_too(manifest: BadManifest) -> None:
    """One sentence, with the field and the mend: one wrong thing makes one problem."""
    (problem,) = problems_of(manifest)
    assert manifest.field in problem
    assert manifest.parser in problem
    assert len(problem) < 800, "a sentence shows no more of a value than helps"


@pytest.mark.parametrize("manifest", BY_OPERATOR, ids=str)
def test_what_only_the_operator_can_know_is_parsed(manifest: BadManifest) -> None:
    """Another object or the install is at fault, so it takes a condition to say it."""
    for document in manifest.documents():
        PARSERS[document["kind"]](document)


@pytest.mark.parametrize("path", good_manifests(), ids=lambda path: path.stem)
def test_good_manifests_are_parsed(path: Path) -> None:
    for document in documents(path):
        PARSERS[document["kind"]](document)


def test_the_documented_gateway_is_one_that_is_taken() -> None:
    edge, model = documents(MANIFESTS.parents[1] / "examples" / "gateway.yaml")
    parsed = PARSERS[model["kind"]](model)
    assert isinstance(parsed, ModelDeployment)
    parent = parsed.routing.parent
    assert parent is not None
    named = edge["metadata"]["namespace"], edge["metadata"]["name"]
    assert (parent.namespace, parent.name) == named


def test_there_are_enough_of_them() -> None:
    assert len(BY_APISERVER) >= 50
    assert len(BY_OPERATOR) >= 5
    assert len(good_manifests()) >= 8


def rules_below(model: type[Wire]) -> list[Rule]:
    """The rules of all the wire models there are."""
    found = list(model.rules)
    for below in model.__subclasses__():
        found += rules_below(below)
    return found


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    assert schema_root  # imported so that every wire model is defined
    said = "\n".join(problem for manifest in BY_APISERVER for problem in problems_of(manifest))
    silent = [
        r.message
        for r in rules_below(Wire)
        if r.cel and r.broken is not None and r.message not in said
    ]
    assert silent == []
