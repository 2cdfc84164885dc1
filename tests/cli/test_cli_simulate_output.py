"""The report on the screen."""

from __future__ import annotations

from dataclasses import replace

from tests.simulate.test_report_html import model
from trimtab.cli.simulate_output import as_text
from trimtab.simulate.report import Report


def lines(*dropped: int) -> list[str]:
    models = tuple(model(name=f"m{i}", dropped=count) for i, count in enumerate(dropped))
    report = Report("trimtab", models, 3.0, 120.0, 0.5)
    return as_text(report).splitlines()


def test_a_row_a_model_and_what_it_came_to_together() -> None:
    head, first, second, together, _, below = lines(0, 60)
    assert head.split()[-4:] == ["$", "ACCURACY", "CHANGES", "SWITCHES"]
    assert " ".join(first.split()) == "m0 12000 100 % 0 20ms 20ms 0.0100 0.9850 1 0"
    assert second.split()[:5] == ["m1", "12000", "99.50", "%", "60"]
    assert " ".join(together.split()) == "together 24000 99.75 % 60 - - 0.0200 0.9850 2 0"
    assert below == "trimtab over 120 s, simulated in 0.5 s; above a budget for 3 s."


def test_one_model_needs_no_sum() -> None:
    assert not any(line.startswith("together") for line in lines(0))


def test_a_share_is_never_rounded_up_to_all() -> None:
    report = Report("trimtab", (replace(model(), within=11_999),), 0.0, 120.0, 0.5)
    assert "99.99 %" in as_text(report)
