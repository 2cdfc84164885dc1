"""What a run found, as data: one result a variant, and the whole as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from trimtab.compress.interval import Interval
from trimtab.compress.measure import Quality
from trimtab.compress.timing import Point


@dataclass(frozen=True, slots=True)
class Result:
    """One variant. `reasons`: why it is refused; empty where it is published.

    `quality`, `size_bytes` and `points` are None or empty as far as making it did not come.
    `control`: accuracy, with its interval, of the same network taught without the baseline.
    """

    name: str
    recipe: Mapping[str, Any]
    reasons: tuple[str, ...] = ()
    quality: Quality | None = None
    size_bytes: int | None = None
    points: tuple[Point, ...] = ()
    control: tuple[float, Interval] | None = None

    @property
    def published(self) -> bool:
        """Whether a model repository of it is written."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run; the baseline is the first result. `files`: what was written, by what it is."""

    model: str
    metric: str
    machine: str
    results: tuple[Result, ...]
    files: Mapping[str, str]

    @property
    def baseline(self) -> Result:
        """The module as it was given, exported."""
        return self.results[0]


def as_json(report: Report) -> dict[str, Any]:
    """Accuracies from 0 to 1, sizes in bytes, times in CPU milliseconds of one thread a call."""
    return {
        "model": report.model,
        "metric": report.metric,
        "machine": report.machine,
        "variants": [
            {
                "name": result.name,
                "published": result.published,
                "reasons": list(result.reasons),
                "recipe": dict(result.recipe),
                **measured(result),
            }
            for result in report.results
        ],
        "files": dict(report.files),
    }


def measured(result: Result) -> dict[str, Any]:
    """The figures of one variant, rounded to what they are worth."""
    found: dict[str, Any] = {}
    if result.quality is not None:
        quality = result.quality
        found |= {
            "n": quality.items,
            "accuracy": round(quality.accuracy, 6),
            "ci95": _pair(quality.accuracy_interval),
            "drop": round(quality.drop, 6),
            "drop_ci95": _pair(quality.drop_interval),
            "agreement": round(quality.agreement, 6),
            "apart": _finite(float(f"{quality.apart:.3g}")),
        }
    if result.size_bytes is not None:
        found["size_bytes"] = result.size_bytes
    if result.points:
        found["ms"] = {str(p.batch): round(p.ms, 4) for p in result.points}
        found["time_ratio"] = {
            str(p.batch): [round(v, 3) for v in (p.ratio, p.low, p.high)] for p in result.points
        }
    if result.control is not None:
        accuracy, ends = result.control
        found["without_teacher"] = {"accuracy": round(accuracy, 6), "ci95": _pair(ends)}
    return found


def _pair(ends: Interval) -> list[float | None]:
    return [_finite(round(end, 6)) for end in ends]


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if isfinite(value) else None
