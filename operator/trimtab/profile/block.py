"""The `profile:` of a variant, ready to paste below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from trimtab.api.quantities import format_duration
from trimtab.profile.points import Point

_LEAST_S = 1e-6  # shorter is no time to the API


def profile_block(
    accelerator_class: str, points: Sequence[Point], front_end_s: float
) -> list[dict[str, Any]]:
    """As `spec.variants[].profile` takes it; `front_end_s`: what each request takes beside its
    execution."""
    block: dict[str, Any] = {
        "acceleratorClass": accelerator_class,
        "points": [{"batch": p.batch, "latency": _time(p.seconds.value)} for p in points],
    }
    if front_end_s >= _LEAST_S:
        block["frontEnd"] = _time(front_end_s)
    return [block]


def as_yaml(
    accelerator_class: str,
    points: Sequence[Point],
    front_end_s: float,
    header: Sequence[str] = (),
) -> str:
    """The block with its intervals as comments; `header` becomes comments above it."""
    beside = [f"  frontEnd: {_time(front_end_s)}"] if front_end_s >= _LEAST_S else []
    rows = [f"  - {{batch: {p.batch}, latency: {_time(p.seconds.value)}}}" for p in points]
    width = max(map(len, rows))
    lines = [
        *(f"# {line}" for line in header),
        "profile:",
        f"- acceleratorClass: {accelerator_class}",
        "  points:",
        *(f"{row:{width}}  # {_sure(p)}" for row, p in zip(rows, points, strict=True)),
        *beside,
    ]
    return "\n".join(lines) + "\n"


def _sure(point: Point) -> str:
    told = point.seconds
    if not (math.isfinite(told.low) and math.isfinite(told.high)):
        return f"of {point.executions} executions: too few for an interval"
    between = f"{_time(told.low)} to {_time(told.high)}"
    return f"95 %: {between}, of {point.executions} executions"


def _time(seconds: float) -> str:
    return format_duration(max(seconds, _LEAST_S))
