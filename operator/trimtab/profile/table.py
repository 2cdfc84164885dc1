"""The report on the screen: executions by batch size, then latency under load, then the block."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.profile.block import as_yaml
from trimtab.profile.interval import Quantile
from trimtab.profile.loads import Load
from trimtab.profile.report import Report

_POINTS = ("BATCH", "MS", "95 %", "ITEMS/S", "EXECUTIONS", "BATCH MADE BY")
_LOADS = (
    "LOAD",
    "REQ/S",
    "P50 MS",
    "95 %",
    "PREDICTED",
    "P99 MS",
    "95 %",
    "PREDICTED",
    "OUTSIDE",
    "FAILED",
)


def as_text(report: Report) -> str:
    """Two tables, what is doubtful, and the block to paste."""
    parts = [
        _title(report),
        _table([_POINTS, *_point_rows(report)]),
        _most(report),
        _table([_LOADS, *(_load_row(report, load) for load in report.loads)]),
    ]
    if report.gauges:
        parts.append("\n".join(f"{name}: at most {value:.4g}" for name, value in report.gauges))
    parts += [f"Note: {note}" for note in report.notes]
    return "\n\n".join(
        [*parts, as_yaml(report.accelerator_class, report.points, report.front_end_s)]
    )


def header(report: Report) -> list[str]:
    """What the block alone should say of where it comes from."""
    most = f"{report.capacity.rate:.4g} requests/s at most"
    return [_title(report), f"{most}. Paste it below the variant.", *report.notes]


def _title(report: Report) -> str:
    model = report.model
    return (
        f"{model.name} version {model.version} on {report.server}, "
        f"{_counted(model.instances, 'instance')}, max_batch_size {model.max_batch}"
    )


def _most(report: Report) -> str:
    most = report.capacity
    reached = "at most" if most.is_reached else "at least"
    return (
        f"It answers {reached} {most.rate:.4g} requests/s; a request takes "
        f"{_ms(report.front_end_s)} ms beside its execution."
    )


def _point_rows(report: Report) -> list[tuple[str, ...]]:
    instances = report.model.instances
    return [
        (
            str(p.batch),
            _ms(p.seconds.value),
            _between(p.seconds),
            f"{instances * p.batch / p.seconds.value:.4g}",
            str(p.executions),
            "Triton" if p.is_formed else "client",
        )
        for p in report.points
    ]


def _load_row(report: Report, load: Load) -> tuple[str, ...]:
    replica = report.replica
    return (
        f"{100 * load.share:.0f} %",
        f"{load.rate:.4g}",
        _ms(load.p50_s.value),
        _between(load.p50_s),
        _ms(replica.latency_s(load.rate, 50.0)),
        _ms(load.p99_s.value),
        _between(load.p99_s),
        _ms(replica.latency_s(load.rate, 99.0)),
        _ms(load.outside_s),
        f"{load.failed} of {load.requests}" if load.failed else "0",
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(size) for cell, size in zip(row, widths, strict=True)) for row in rows
    )


def _between(told: Quantile) -> str:
    low = _ms(told.low) if math.isfinite(told.low) else "?"
    high = _ms(told.high) if math.isfinite(told.high) else "?"
    return f"[{low}, {high}]"


def _ms(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "saturated"
    return f"{1000 * seconds:.3g}" if seconds < 1.0 else f"{1000 * seconds:.0f}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
