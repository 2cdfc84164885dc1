"""What a run says in a pod's termination message, for the operator to read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from trimtab.api import told
from trimtab.api.quantities import format_fraction
from trimtab.compress.report import Report, Result


def write_report(path: Path, report: Report) -> None:
    """Writes what was published, in a few words."""
    published = [_variant(result) for result in report.results if result.published]
    refused = [result.name for result in report.results if not result.published]
    message = told.Told(model=report.model, published=published, refused=refused)
    path.write_text(told.written(message), encoding="utf-8")


def write_failure(path: Path, error: str) -> None:
    """Writes why nothing was published."""
    path.write_text(told.written(told.failure(error)), encoding="utf-8")


def _variant(result: Result) -> told.ToldVariant:
    assert result.quality is not None, "what is published was judged"
    return told.ToldVariant(
        name=result.name,
        accuracy=format_fraction(Decimal(str(round(result.quality.accuracy, 6)))),
        # Shorter than a microsecond is no time to the API.
        us=[(point.batch, max(1, round(point.ms * 1000))) for point in result.points],
    )
