"""The chart's dashboards as they are drawn without Grafana."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from e2e.boards.board import Target, legend_of, panels_of, shown
from e2e.boards.draw import draw, line_of

NAMES = {"namespace": "shop", "modeldeployment": "digits", "__rate_interval": "1m", "__range": "5m"}


@pytest.mark.parametrize("name", ["fleet", "model"])
def test_every_panel_has_a_place_and_queries_without_a_variable_left(name: str) -> None:
    panels = panels_of(name, NAMES)
    assert len(panels) > 10
    assert {panel.kind for panel in panels} <= {"stat", "timeseries", "state-timeline"}
    assert not [t for panel in panels for t in panel.targets if "$" in t.promql]


def test_a_series_is_called_as_its_panel_says() -> None:
    labels = {"variant": "int8", "accelerator_class": "l4"}
    target = Target("q", "ready: {{variant}} on {{accelerator_class}}")
    assert legend_of(target, labels) == "ready: int8 on l4"
    assert legend_of(Target("q", ""), labels) == "int8, l4"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.1501, "s", "150 ms"),
        (4.5, "s", "4.5 s"),
        (0.3, "currencyUSD", "$0.30"),
        (0.676, "percentunit", "67.6 %"),
        (24.9, "percentunit", "2,490 %"),
        (3.0, "short", "3"),
    ],
)
def test_a_number_has_its_unit(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_a_line_is_broken_where_nothing_was_read() -> None:
    line = line_of("x", [(100.0, 1.0), (101.0, 1.0), (110.0, 2.0)], now_s=110.0, step_s=1.0)
    assert line.at_s == [-10.0, -9.0, -8.0, 0.0]
    assert [math.isnan(value) for value in line.values] == [False, False, True, False]


def test_a_board_is_drawn_with_and_without_data(tmp_path: Path) -> None:
    panels = {panel.kind: panel for panel in panels_of("model", NAMES)}.values()
    line = line_of("None", [(float(s), 1.0) for s in range(60)], 60.0, 1.0)
    for n, lines in enumerate(([], [line])):
        path = tmp_path / f"{n}.png"
        draw(path, "a board", 60.0, [(panel, lines) for panel in panels])
        assert path.read_bytes().startswith(b"\x89PNG")
