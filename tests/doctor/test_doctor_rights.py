"""The rights that are checked are those that the chart grants, no more and no fewer."""

from __future__ import annotations

import pytest
import yaml

from e2e.kit.rights import granted
from tests.chart.conftest import Object, Render, helm, render
from tests.chart.test_chart_rbac import VALUES, bound, of_kind
from trimtab.control.doctor.needed_rights import needed_rights
from trimtab.control.settings import Settings

__all__ = ["helm", "render"]  # fixtures


@pytest.mark.parametrize("values", VALUES)
def test_they_are_the_charts(render: Render, values: Object) -> None:
    objects = render(**values)
    config = yaml.safe_load(of_kind(objects, "ConfigMap")[0]["data"]["config.yaml"])
    settings = Settings.model_validate(config)
    chart = {
        (role["metadata"].get("namespace", ""), *right)
        for role in bound(objects)
        for right in granted(role["rules"])
    }
    needed = needed_rights(settings.namespaces, settings.lease.place, nodes=settings.nodes)
    assert {(right.namespace, right.group, right.path, right.verb) for right in needed} == chart


def test_the_lease_is_asked_for_by_its_name_where_it_has_one() -> None:
    place = Settings.model_validate({"prometheus": {"url": "http://p"}}).lease.place
    named = {r.verb: r.name for r in needed_rights((), place) if r.resource == "leases"}
    assert named == {"create": "", "get": "trimtab", "update": "trimtab"}
