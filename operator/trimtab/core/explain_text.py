"""An explanation laid out for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from trimtab.core.explain import QUEUE_BOUND, Explanation, Way
from trimtab.core.plan import how_read
from trimtab.core.units import money

_LABEL = 10
_NARROWEST = 60
_HEAD = ("variant", "class", "replicas", "$/h", "accuracy", "share")
_RIGHT = {"replicas", "$/h", "share"}


def text(told: Explanation, width: int = 80) -> str:
    """The whole explanation in lines of at most `width` columns (60 at least).

    A single word or a row of the table may be longer where it has to be.
    """
    return "\n".join(_lines(told, max(width, _NARROWEST)))


def _lines(told: Explanation, width: int) -> Iterator[str]:
    yield f"{told.name}  {told.action} at {told.time}"
    yield from _field("decision", told.summary, width)
    yield from _field("latency", _latency(told), width)
    if told.hit_share is not None:
        words = f"{told.hit_share} of the requests were answered from response caches"
        yield from _field("cache", words, width)
    budget = "no budget" if told.budget_per_hour is None else money(told.budget_per_hour)
    yield from _field("cost", f"{money(told.cost_per_hour)} runs now, of {budget}", width)
    yield from _ways(told, width)
    for constraint in told.constraints:
        label = "binds" if constraint.name == told.binding else "limit"
        yield from _field(label, f"{constraint.name}: {constraint.effect}", width)
    if told.binding is not None and told.binding not in {c.name for c in told.constraints}:
        yield from _field("binds", told.binding, width)
    if told.binding is None and all(c.name == QUEUE_BOUND for c in told.constraints):
        yield from _field("binds", "nothing: load and promise alone decide", width)
    if told.gap is not None:
        yield from _field("optimum", f"the plan costs at most {told.gap} more", width)
    if told.next_change_at is not None:
        yield from _field("next", f"may shrink at {told.next_change_at}", width)
    for condition in told.conditions:
        words = f"{condition.type}={condition.status} {condition.reason}: {condition.message}"
        yield from _field("state", words, width)


def _latency(told: Explanation) -> str:
    parts = [f"{told.promise} promised"]
    if told.predicted is not None:
        parts.append(f"{told.predicted} predicted")
    if told.observed is not None:
        how = how_read(told.source, told.estimated)
        parts.append(f"{told.observed} observed ({how})")
    else:
        parts.append("none observed")
    return ", ".join(parts)


def _field(label: str, words: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        words,
        width,
        initial_indent=f"  {label:<{_LABEL}} ",
        subsequent_indent=" " * (_LABEL + 3),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _ways(told: Explanation, width: int) -> Iterator[str]:
    """Decided, wanted and not taken, as one table; a why-not follows below its row."""
    labelled = [("decided", way) for way in told.decided]
    if told.wanted is not None:
        labelled.append(("wanted", told.wanted))
    labelled += [("instead", way) for way in told.alternatives]
    if not labelled:
        return
    shared = sum(1 for way in told.decided if way.weight) > 1
    shown = [name for name in _HEAD if name != "share" or shared]
    rows = [_cells(way, shown) for _, way in labelled]
    widths = [max(len(n), *(len(row[i]) for row in rows)) for i, n in enumerate(shown)]
    yield _row("", shown, shown, widths)
    for (label, way), row in zip(labelled, rows, strict=True):
        line = _row(label, row, shown, widths)
        if not way.why_not or len(line) + 2 + len(way.why_not) <= width:
            yield f"{line}  {way.why_not}".rstrip()
        else:
            yield line
            yield from _field("", f"  {way.why_not}", width)


def _row(label: str, cells: Sequence[str], names: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (
        cell.rjust(size) if name in _RIGHT else cell.ljust(size)
        for cell, name, size in zip(cells, names, widths, strict=True)
    )
    return f"  {label:<{_LABEL}} {'  '.join(aligned)}".rstrip()


def _cells(way: Way, shown: Sequence[str]) -> list[str]:
    cells = [
        way.key.variant,
        way.key.accelerator_class,
        "-" if way.replicas is None else str(way.replicas),
        "-" if way.cost_per_hour is None else f"{way.cost_per_hour:f}",
        "-" if way.accuracy is None else f"{way.accuracy:f}",
        "-" if way.weight is None else f"{way.weight}%",
    ]
    return cells[: len(shown)]
