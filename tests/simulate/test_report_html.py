"""The HTML report: one file, no network, every figure from the run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from html import unescape
from typing import Any

import numpy as np
import pytest

from tests.core.builders import INT8, deployment
from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.simulate import report_html
from trimtab.simulate.bins import BINS, bin_of
from trimtab.simulate.minutes import Minute
from trimtab.simulate.report import ModelReport, Moment, Report
from trimtab.simulate.report_html import as_html

pytest.importorskip("plotly")


def moment(at_s: float, replicas: int, summary: str = "") -> Moment:
    cost = 0.1 * replicas
    return Moment(at_s, 120.0, {INT8: (replicas, replicas)}, cost, None, "ScaleUp", summary)


def model(
    spec: ModelDeployment | None = None, name: str = "digits", dropped: int = 0
) -> ModelReport:
    """Two minutes of 6,000 requests at 20 ms; `dropped` of the second are never answered."""
    counts = np.zeros(BINS, dtype=np.int64)
    counts[bin_of(0.020)] = 12_000 - dropped
    second_p99_s = None if dropped else 0.021
    return ModelReport(
        name=name,
        spec=spec or deployment(per_hour="0.40", floor="0.9"),
        requests=12_000,
        answered=12_000 - dropped,
        within=12_000 - dropped,
        histogram=counts,
        cost=0.01,
        accuracy_mean=0.985,
        scale_events=1,
        variant_switches=0,
        minutes=(
            Minute(0, 6000, 6000, 6000, 0, 0.011, 0.021, 1.0),
            Minute(1, 6000, 6000 - dropped, 6000 - dropped, dropped, 0.011, second_p99_s, 2.0),
        ),
        moments=(moment(0, 1), moment(5, 1), moment(60, 2, "1 -> 2 replicas"), moment(115, 2)),
    )


def report(*models: ModelReport, **changed: Any) -> Report:
    return replace(Report("trimtab", models or (model(),), 0.0, 120.0, 0.1), **changed)


def plots(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="plots">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def traces(page: str, plot: str = "model0") -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in plots(page)[plot]["data"]}


def text(page: str) -> str:
    """What a reader sees, scripts and tags taken out."""
    return " ".join(unescape(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.S)).split())


@pytest.fixture(autouse=True)
def _small_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five megabytes less to search through."""
    monkeypatch.setattr(report_html, "_plotly", lambda: "/* plotly */")


def test_totals_stand_on_top() -> None:
    said = text(as_html(report(model(), model(name="other"))))
    assert "Policy trimtab 2 minutes simulated" in said
    assert "24,000 requests 100 % answered within the promise $0.02 spent" in said
    # Latencies are counted in bins of one percent.
    row = r"digits 12,000 100 % (20|20\.1|19\.9)ms (20|20\.1|19\.9)ms p99 100ms \$0\.01 0\.9850 1 0"
    assert re.search(row, said)


def test_nearly_all_is_not_all() -> None:
    said = text(as_html(report(model(dropped=1))))
    assert "99.99 % answered within the promise" in said
    assert "1 dropped" in said


def test_a_broken_promise_is_marked() -> None:
    assert 'class="bad">90.00 %' in as_html(report(model(dropped=1200)))
    assert 'class="bad"' not in as_html(report())


def test_every_plot_is_of_the_run() -> None:
    drawn = traces(as_html(report()))
    assert drawn["int8 on cpu"]["x"] == [0, 1.0, 1.9167]
    assert drawn["int8 on cpu"]["y"] == [1, 2, 2]
    assert drawn["int8 on cpu"]["stackgroup"] == "ready"
    assert drawn["p99"]["y"] == [21.0, 21.0]
    assert drawn["p50"]["y"] == [11.0, 11.0]
    assert drawn["spend"]["y"] == [0.1, 0.2, 0.2]
    assert drawn["offered"]["y"] == [120.0] * 4


def test_the_promise_and_the_budget_are_lines_in_their_plots() -> None:
    shapes = plots(as_html(report()))["model0"]["layout"]["shapes"]
    assert {(s["yref"], s["y0"]) for s in shapes} == {("y3", 100.0), ("y4", 0.4)}


def test_a_minute_with_an_infinite_p99_is_a_gap_with_a_mark() -> None:
    drawn = traces(as_html(report(model(dropped=60))))
    assert drawn["p99"]["y"] == [21.0, None]
    assert drawn["dropped"]["text"] == ["60 dropped"]
    assert "dropped" not in traces(as_html(report()))


def test_decisions_are_listed_where_something_changed() -> None:
    said = text(as_html(report()))
    assert "2 decisions that changed the fleet" in said
    assert "0:01:00 ScaleUp 120 $0.20 1 -> 2 replicas" in said
    assert "1 x int8 on cpu" in said, "a rule that says nothing is told by what it asks for"


def test_long_runs_are_drawn_by_the_minute() -> None:
    long = as_html(report(duration_s=6 * 3600.0))
    assert traces(long)["offered"]["y"] == [100.0, 100.0]
    assert plots(long)["model0"]["layout"]["xaxis"]["title"]["text"] == "hours"


def test_a_shared_budget_has_a_plot_of_all_who_share_it() -> None:
    sharing = deployment(shared="vision")
    key = ObjectKey("shop", "vision")
    both = (model(sharing, "a"), model(sharing, "b"), model(name="alone"))
    page = as_html(report(*both, budgets={key: Decimal("1.00")}))
    assert set(traces(page, "budget0")) == {"a", "b"}
    assert "Shared budget shop/vision" in text(page)


def test_names_cannot_break_the_page() -> None:
    page = as_html(report(model(name="</script><b>&")))
    assert "</script><b>" not in page
    assert "</script><b>&" in text(page)


def test_the_page_asks_nothing_of_the_network() -> None:
    page = as_html(report())
    assert not re.findall(r"(?:src|href)=|@import|url\(", page)
