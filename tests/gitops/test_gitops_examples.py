"""examples/: what is there to be copied is taken as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from e2e.kit.examples import EXAMPLES, is_ours, manifests, objects
from tests.api.manifest_cases import PARSERS
from tests.fuzz.schema import hold
from tests.openapi import schemas
from trimtab import __version__

OURS = [(path, obj) for path in manifests() for obj in objects(path) if is_ours(obj)]
SCHEMAS = schemas()


def place(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


@pytest.mark.parametrize(
    ("path", "obj"), OURS, ids=[f"{place(p)}-{o['metadata']['name']}" for p, o in OURS]
)
def test_each_of_our_objects_is_of_the_schema_and_parsed(
    path: Path, obj: dict[str, object]
) -> None:
    kind = str(obj["kind"])
    hold(SCHEMAS[kind]["properties"]["spec"], obj["spec"], "spec")
    PARSERS[kind](obj)


def test_all_kinds_are_shown() -> None:
    assert {obj["kind"] for _, obj in OURS} == SCHEMAS.keys()


def test_each_file_begins_with_what_it_shows_and_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    for path in [*manifests(), EXAMPLES / "kustomize" / "kustomization.yaml"]:
        assert path.read_text().startswith("# "), place(path)
        assert place(path).partition("/")[0] in listed, place(path)


def test_every_class_and_budget_that_a_model_names_is_beside_it_or_in_the_quickstart() -> None:
    for path, obj in OURS:
        if obj["kind"] != "ModelDeployment":
            continue
        near = [o for p, o in OURS if p in (path, EXAMPLES / "quickstart.yaml")]
        there = {(o["kind"], o["metadata"]["name"]) for o in near}
        spec = obj["spec"]
        named = {("AcceleratorClass", c) for v in spec["variants"] for c in v["acceleratorClasses"]}
        if "budgetRef" in spec:
            named.add(("InferenceBudget", spec["budgetRef"]["name"]))
        assert named <= there, place(path)


def test_the_chart_is_asked_for_in_the_version_that_this_is() -> None:
    application, *_ = objects(EXAMPLES / "argocd" / "application.yaml")
    repository = objects(EXAMPLES / "flux" / "helm-release.yaml")[1]
    text = (EXAMPLES / "kustomize" / "kustomization.yaml").read_text()
    (chart,) = yaml.safe_load(text)["helmCharts"]
    asked = [application["spec"]["source"]["targetRevision"], repository["spec"]["ref"]["tag"]]
    assert [*asked, chart["version"]] == [__version__] * 3
