"""Dashboards and rules: rendered where they are asked for, as the files have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.chart.conftest import CHART, URL, Helm, Object, Render

DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
RULES = CHART / "files" / "rules" / "trimtab.yaml"


def dashboards(objects: list[Object]) -> list[Object]:
    return [o for o in objects if o["kind"] == "ConfigMap" and "dashboard" in o["metadata"]["name"]]


def rules(objects: list[Object]) -> list[Object]:
    return [o for o in objects if o["kind"] == "PrometheusRule"]


def test_neither_comes_unasked(render: Render) -> None:
    assert not dashboards(render())
    assert not rules(render())


def test_every_dashboard_is_a_config_map_that_the_sidecar_finds(render: Render) -> None:
    found = dashboards(render(dashboards={"enabled": True}))
    assert {o["metadata"]["name"] for o in found} == {
        "trimtab-dashboard-fleet",
        "trimtab-dashboard-model",
    }
    for obj, file in zip(found, DASHBOARDS, strict=True):
        labels = obj["metadata"]["labels"]
        # A string: the sidecar compares with it, and the API server takes no number.
        assert labels["grafana_dashboard"] == "1"
        assert labels["app.kubernetes.io/name"] == "trimtab"
        assert "annotations" not in obj["metadata"]
        ((name, text),) = obj["data"].items()
        assert name == f"trimtab-{file.name}"
        assert json.loads(text) == json.loads(file.read_text())


def test_dashboards_take_labels_and_annotations(render: Render) -> None:
    given = {"labels": {"team": "ml"}, "annotations": {"grafana_folder": "trimtab"}}
    for obj in dashboards(render(dashboards={"enabled": True, **given})):
        assert obj["metadata"]["labels"].items() >= {"team": "ml", "grafana_dashboard": "1"}.items()
        assert obj["metadata"]["annotations"] == given["annotations"]


def test_the_rules_are_the_file_with_the_users_labels(render: Render) -> None:
    (found,) = rules(render(rules={"enabled": True, "labels": {"release": "stack"}}))
    assert found["spec"] == yaml.safe_load(RULES.read_text())
    assert found["metadata"]["labels"]["release"] == "stack"
    assert found["metadata"]["namespace"] == "trimtab-system"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dashboards": {"enable": True}}, "'enable' not allowed"),
        ({"dashboards": {"labels": {"grafana_dashboard": 1}}}, "/dashboards/labels"),
        ({"rules": {"enabled": "yes"}}, "/rules/enabled"),
        ({"rules": {"label": {}}}, "'label' not allowed"),
    ],
)
def test_a_wrong_value_is_refused(helm: Helm, tmp_path: Path, values: Object, message: str) -> None:
    done = helm.template({**URL, **values}, tmp_path)
    assert done.returncode != 0
    assert message in done.stderr
