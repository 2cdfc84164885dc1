"""A run on the screen: a row a model, what it came to together, and what was simulated."""

from __future__ import annotations

from trimtab.cli.columns import in_columns
from trimtab.core.units import coarse_ms, percent
from trimtab.simulate.report import ModelReport, Report

_HEAD = (
    *("MODEL", "REQUESTS", "IN TIME", "DROPPED", "P50", "P99"),
    *("COST $", "ACCURACY", "CHANGES", "SWITCHES"),
)


def as_text(report: Report) -> str:
    """Shares are of all requests that came; a percentile that dropped requests make infinite is
    `-`."""
    rows = [_row(model) for model in report.models]
    if len(report.models) > 1:
        rows.append(_together(report))
    return "\n".join([in_columns(_HEAD, rows, _HEAD[1:]), "", _below(report)])


def _row(model: ModelReport) -> tuple[str, ...]:
    return (
        model.name,
        f"{model.requests}",
        _share(model.within, model.requests),
        f"{model.dropped}",
        _time(model.latency_s(50.0)),
        _time(model.latency_s(99.0)),
        f"{model.cost:.4f}",
        _accuracy(model.accuracy_mean),
        f"{model.scale_events}",
        f"{model.variant_switches}",
    )


def _together(report: Report) -> tuple[str, ...]:
    models = report.models
    requests = sum(m.requests for m in models)
    return (
        "together",
        f"{requests}",
        _share(sum(m.within for m in models), requests),
        f"{sum(m.dropped for m in models)}",
        "-",
        "-",
        f"{sum(m.cost for m in models):.4f}",
        _accuracy(report.accuracy_mean),
        f"{sum(m.scale_events for m in models)}",
        f"{sum(m.variant_switches for m in models)}",
    )


def _below(report: Report) -> str:
    over_s = report.budget_violation_seconds
    return (
        f"{report.policy} over {report.duration_s:g} s, simulated in {report.wall_s:.1f} s;"
        f" above a budget for {over_s:g} s."
    )


def _share(part: int, whole: int) -> str:
    """1 where there were none to miss; never rounded up to all."""
    return percent(1.0) if part == whole else f"{int(10_000 * part / whole) / 100:.2f} %"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else coarse_ms(seconds)


def _accuracy(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.4f}"
