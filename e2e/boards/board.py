"""A dashboard of the chart, as far as it is drawn here: panels, their place and their queries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from e2e.kit.observability import FILES, filled

COLUMNS = 24
"""How many units wide a dashboard is."""
_LABEL = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True)
class Target:
    """A query of a panel. legend: the name of a series, with labels in double braces."""

    promql: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel: `stat`, `timeseries` or `state-timeline`; its place in units of the grid."""

    kind: str
    title: str
    unit: str
    left: int
    top: int
    width: int
    height: int
    targets: Sequence[Target]


def panels_of(name: str, variables: Mapping[str, str]) -> list[Panel]:
    """Those of the dashboard `fleet` or `model`, with its variables filled in."""
    board = json.loads((FILES / "dashboards" / f"{name}.json").read_text())
    return [_panel(panel, variables) for panel in board["panels"]]


def legend_of(target: Target, labels: Mapping[str, str]) -> str:
    """What a series is called; all its labels where the query says nothing."""
    if not target.legend:
        return ", ".join(labels.values())
    return _LABEL.sub(lambda found: labels.get(found[1], ""), target.legend)


def shown(value: float, unit: str) -> str:
    """A number as its panel has it: three digits, and the unit in words that fit."""
    match unit:
        case "percentunit":
            return f"{_digits(100.0 * value)} %"
        case "currencyUSD":
            return f"${value:.2f}"
        case "s":
            return f"{1000.0 * value:.3g} ms" if abs(value) < 1.0 else f"{_digits(value)} s"
        case "reqps":
            return f"{_digits(value)} req/s"
        case "ops" | "wps":
            return f"{_digits(value)} /s"
        case _:
            return _digits(value)


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.3g}"


def _panel(panel: Mapping[str, Any], variables: Mapping[str, str]) -> Panel:
    place = panel["gridPos"]
    return Panel(
        kind=panel["type"],
        title=panel["title"],
        unit=panel["fieldConfig"]["defaults"].get("unit", "short"),
        left=place["x"],
        top=place["y"],
        width=place["w"],
        height=place["h"],
        targets=[
            Target(filled(target["expr"], variables), target.get("legendFormat", ""))
            for target in panel["targets"]
        ],
    )
