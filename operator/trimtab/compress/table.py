"""The report on the screen: a row a variant, then why some are refused."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.compress.report import Report, Result

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
        size = f"{result.size_bytes / 1024:.0f}" if result.size_bytes > 10_240 else "<10"
        size = size if result.size_bytes > 10_240 else f"{result.size_bytes / 1024:.1f}"
    if points:
        first, last = f"{points[0].ms:.3g}", f"{points[-1].ms:.3g}"
        ratio = f"x{points[0].ratio:.2f}, x{points[-1].ratio:.2f}"
    verdict = "published" if result.published else "refused"
    return [result.name, accuracy, ends, size, first, last, ratio, verdict]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _below(report: Report) -> list[str]:
    lines = [""]
    for result in report.results:
        lines += [f"{result.name} is refused: {reason}" for reason in result.reasons]
    for result in report.results:
        if result.control is not None:
            accuracy, (low, high) = result.control
            lines.append(
                f"{result.name} without its teacher: {100 * accuracy:.2f} "
                f"[{100 * low:.1f}, {100 * high:.1f}]"
            )
    return [*lines, *(f"{what}: {path}" for what, path in report.files.items())]
