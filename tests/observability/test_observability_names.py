"""What dashboards, rules and docs name is there to be asked for."""

from __future__ import annotations

import re

import pytest

from e2e.kit.access import ROOT
from e2e.kit.observability import WINDOWS, Query, filled, panels, rule_queries, rules
from e2e.kit.promql import metrics
from tests.control.scrape import scraped
from trimtab.control.metrics import Metrics
from trimtab.observe.queries import TRITON_METRICS

DOCS = (ROOT / "docs" / "observability.md").read_text()
EXPOSED = dict(re.findall(r"^# TYPE (trimtab_\w+) (\w+)$", scraped(Metrics()), re.M))
OWN = {name for name in EXPOSED if not name.endswith("_created")}
SERIES = {
    f"{name}{suffix}"
    for name in OWN
    for suffix in (("_bucket", "_sum", "_count") if EXPOSED[name] == "histogram" else ("",))
}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
ALERTS = [rule for rule in rules() if "alert" in rule]


@pytest.mark.parametrize("query", list(panels()), ids=lambda query: query.where)
def test_a_panel_names_what_trimtab_or_triton_exposes(query: Query) -> None:
    """And nothing that is recorded: the rules may not be installed."""
    named = metrics(filled(query.promql, WINDOWS))
    assert named
    assert named <= {*SERIES, *TRITON_METRICS}


@pytest.mark.parametrize("query", list(rule_queries()), ids=lambda query: query.where)
def test_a_rule_names_what_trimtab_exposes_or_another_rule_records(query: Query) -> None:
    named = metrics(query.promql)
    assert named
    assert named <= {*SERIES, *RECORDED}


def test_every_metric_has_a_row_in_the_docs_and_every_row_a_metric() -> None:
    table = DOCS[DOCS.index("## Metrics") : DOCS.index("## Dashboards")]
    rows = "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"trimtab_\w+", rows)) == OWN


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    headings = set(re.findall(r"^#+ (.+)$", DOCS, re.M))
    for rule in ALERTS:
        said, more = rule["annotations"]["summary"], rule["annotations"]["description"]
        assert len(said) < 100, rule["alert"]
        page = re.search(r'To do: .+; docs/observability\.md, "(.+)"\.$', more)
        assert page, rule["alert"]
        assert page[1] in headings, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert f"`{rule['alert']}`" in DOCS


def test_names_end_in_their_unit() -> None:
    """As Prometheus asks of them; what counts objects or is true has none."""
    without = ("_replicas", "_binding", "_missing", "_condition", "_leader", "_transitions")
    for name, kind in EXPOSED.items():
        if name in OWN and kind == "counter":
            assert name.endswith("_total"), name
        elif name in OWN:
            units = ("_seconds", "_ratio", "_per_hour", "_per_second")
            assert name.endswith((*units, *without)), name
