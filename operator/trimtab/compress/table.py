"""The report on the screen: a row a variant, then why some are refused."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.compress.report import Report, Result
from trimtab.compress.sample import advice

_HEAD = ("VARIANT", "ACCURACY, %", "95 %", "KIB", "MS AT {0}", "MS AT {1}", "TIME", "")


def as_text(report: Report) -> str:
    """Times are CPU milliseconds of one thread a call; TIME is the share of the baseline's."""
    batches = [point.batch for point in report.baseline.points]
    head = [text.format(batches[0], batches[-1]) for text in _HEAD]
    rows = [head, *(_row(result) for result in report.results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    lines += _below(report)
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    quality, points = result.quality, result.points
    accuracy, ends, size, first, last, ratio = "-", "-", "-", "-", "-", "-"
    if quality is not None:
        accuracy = f"{100 * quality.accuracy:.2f}"
        ends = "[{:.1f}, {:.1f}]".format(*(100 * end for end in quality.accuracy_interval))
    if result.size_bytes is not None:
        kib = result.size_bytes / 1024
        size = f"{kib:.0f}" if kib >= 10 else f"{kib:.1f}"
    if points:
        first, last = f"{points[0].ms:.3g}", f"{points[-1].ms:.3g}"
        ratio = f"{_times(points[0].ratio)}, {_times(points[-1].ratio)}"
    verdict = "published" if result.published else "refused"
    return [result.name, accuracy, ends, size, first, last, ratio, verdict]


def _times(ratio: float) -> str:
    return f"x{ratio:.2f}" if ratio >= 0.1 else f"x{ratio:.2g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _below(report: Report) -> list[str]:
    lines = [""]
    for result in report.results:
        lines += [f"{result.name} is refused: {reason}" for reason in result.reasons]
    for result in report.results:
        # Of a network that was quantised too, its own line says it.
        if result.control is not None and "quantise" not in result.recipe:
            accuracy, (low, high) = result.control
            lines.append(
                f"{result.name} without its teacher: {100 * accuracy:.2f} "
                f"[{100 * low:.1f}, {100 * high:.1f}]"
            )
    lines += [f"{what}: {path}" for what, path in report.files.items()]
    if "sample" in report.files:
        words = "To have what serves asked the sample (docs/output-check.md):"
        lines += ["", words, advice(report.model, report.files["sample"])]
    return lines
