"""The figures of a calibration as a table for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from bench.calibration.compare import Compared

_HEAD = (
    "| model | load | requests | p50 measured | model | simulator | p99 measured | model |"
    " without front end | simulator |"
)


def as_markdown(compared: Sequence[Compared]) -> str:
    """One row a run, the replicas as they were measured, and the median and worst errors."""
    rows = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1), *map(_row, compared)]
    told = {
        "p50 of the model": [Compared.error(c.predicted_p50_s, c.measured_p50_s) for c in compared],
        "p99 of the model": [Compared.error(c.predicted_p99_s, c.measured_p99_s) for c in compared],
        "p99 without the front end": [
            Compared.error(c.bare_p99_s, c.measured_p99_s) for c in compared
        ],
        "p50 of the simulator": [
            Compared.error(c.simulated_p50_s, c.measured_p50_s) for c in compared
        ],
        "p99 of the simulator": [
            Compared.error(c.simulated_p99_s, c.measured_p99_s) for c in compared
        ],
    }
    errors = [f"| {name} | {_errors(values)} |" for name, values in told.items()]
    return (
        "\n".join(
            [
                *rows,
                "",
                *_replicas(compared),
                "",
                "| error | median | worst |",
                "|---|---|---|",
                *errors,
            ]
        )
        + "\n"
    )


def _row(c: Compared) -> str:
    cells = [
        c.model,
        f"{c.load} ({100 * c.share:.0f} %)",
        f"{c.requests}" + (f", {c.failed} failed" if c.failed else ""),
        _ms(c.measured_p50_s),
        _told(c.predicted_p50_s, c.measured_p50_s),
        _told(c.simulated_p50_s, c.measured_p50_s),
        _ms(c.measured_p99_s),
        _told(c.predicted_p99_s, c.measured_p99_s),
        _told(c.bare_p99_s, c.measured_p99_s),
        _told(c.simulated_p99_s, c.measured_p99_s),
    ]
    return "| " + " | ".join(cells) + " |"


def _replicas(compared: Iterable[Compared]) -> list[str]:
    lines: dict[str, str] = {}
    for c in compared:
        times = ", ".join(f"{b}: {_ms(s)}" for b, s in c.times)
        lines[c.model] = (
            f"- {c.model}: {c.capacity_rate:.0f} requests/s at saturation; executions by batch"
            f" {times}; front end {_ms(c.front_end_s)} a request"
        )
    return list(lines.values())


def _errors(values: Sequence[float]) -> str:
    sizes = [abs(v) for v in values]
    return f"{_percent(median(sizes))} | {_percent(max(sizes))}"


def _told(told_s: float, measured_s: float) -> str:
    if not math.isfinite(told_s):
        return "saturated"
    return f"{_ms(told_s)} ({100 * Compared.error(told_s, measured_s):+.0f} %)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "infinite"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
