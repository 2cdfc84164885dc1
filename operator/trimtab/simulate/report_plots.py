"""The plots of a run as plotly's own JSON: data and layout, without a colour of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.report import ModelReport, Moment

Figure = dict[str, Any]

# Told apart in light and dark, and by those who see red and green alike.
_PALETTE = (
    "#3b82c4",
    "#e08a1e",
    "#2f9e77",
    "#c65f9e",
    "#8a7bd1",
    "#b3a125",
    "#5fb4d9",
    "#d1543f",
)
_LIMIT = "#d1543f"
_ROWS = ("requests/s", "replicas", "latency, ms", "$ per hour")
_GAP = 0.055
_LATENCIES_MS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000]
_LOGARITHMIC = {
    "type": "log",
    "tickvals": _LATENCIES_MS,
    "ticktext": [str(v) for v in _LATENCIES_MS],
}
_MARGIN = (34, 84)  # pixels above and below
_BELOW = 44.0  # pixels from the lowest plot to the legend, past the axis and its title
_LONG_S = 3600.0  # longer runs are drawn by the minute: days by the tick would be 100 MB


class Clock:
    """Seconds of the run as the plots count them: minutes, or hours for long runs."""

    def __init__(self, duration_s: float) -> None:
        hours = duration_s > 3 * _LONG_S
        self.unit = "hours" if hours else "minutes"
        self._of_s = 3600.0 if hours else 60.0

    def at(self, seconds: float) -> float:
        """That second on the axis."""
        return round(seconds / self._of_s, 4)


def model_figure(model: ModelReport, clock: Clock, duration_s: float) -> Figure:
    """Load, replicas, latency and spend of one model, one above the other on one time axis."""
    target_ms = 1000.0 * model.spec.slo.target_s
    budget = model.spec.budget_per_hour
    data = [
        _offered(model, clock, duration_s),
        *_replicas(model.moments, clock),
        *_latency(model, clock),
        _spend(model.moments, clock),
    ]
    shapes = [_limit("y3", target_ms)]
    notes = [_note("y3", target_ms, f"promised {target_ms:g} ms", log=True)]
    if budget is not None:
        shapes.append(_limit("y4", float(budget)))
        notes.append(_note("y4", float(budget), f"budget ${budget:f}/h"))
    return {"data": data, "layout": _layout(_ROWS, clock, 860, shapes, notes, log=3)}


def budget_figure(models: Sequence[ModelReport], limit: float, clock: Clock) -> Figure:
    """What the models of one shared budget cost together, against it."""
    changes = sorted({at for m in models for at in _change_times(m.moments)})
    data = [
        _stacked(
            model.name,
            [clock.at(t) for t in changes],
            _held(
                [m.at_s for m in model.moments], [m.cost_per_hour for m in model.moments], changes
            ),
            "y",
            i,
            "spend",
        )
        for i, model in enumerate(models)
    ]
    notes = [_note("y", limit, f"budget ${limit:g}/h")]
    return {"data": data, "layout": _layout(_ROWS[3:], clock, 320, [_limit("y", limit)], notes)}


def _offered(model: ModelReport, clock: Clock, duration_s: float) -> Figure:
    if duration_s > _LONG_S:
        x = [clock.at(60.0 * m.minute) for m in model.minutes]
        y = [round(m.requests / 60.0, 2) for m in model.minutes]
    else:
        x = [clock.at(m.at_s) for m in model.moments]
        y = [round(m.offered_rate, 2) for m in model.moments]
    return _line("offered", x, y, "y", _PALETTE[0])


def _replicas(moments: Sequence[Moment], clock: Clock) -> list[Figure]:
    """Ready replicas by workload, stacked; and the line of all that are asked for."""
    keys: dict[WorkloadKey, None] = {}
    for moment in moments:
        keys.update(dict.fromkeys(moment.replicas))
    changes = _change_times(moments)
    x = [clock.at(t) for t in changes]
    at_s = [m.at_s for m in moments]
    ready = [
        _stacked(
            str(key),
            x,
            _held(at_s, [m.replicas.get(key, (0, 0))[1] for m in moments], changes),
            "y2",
            i,
            "ready",
        )
        for i, key in enumerate(keys)
    ]
    asked = [sum(n for n, _ in m.replicas.values()) for m in moments]
    line = _line(
        "asked for", x, _held(at_s, asked, changes), "y2", "#8793a3", shape="hv", dash="dot"
    )
    return [*ready, line]


def _latency(model: ModelReport, clock: Clock) -> list[Figure]:
    x = [clock.at(60.0 * m.minute) for m in model.minutes]
    drawn = [
        _line(name, x, [_ms(v) for v in values], "y3", colour)
        for name, values, colour in (
            ("p99", [m.p99_s for m in model.minutes], _PALETTE[1]),
            ("p50", [m.p50_s for m in model.minutes], _PALETTE[2]),
        )
    ]
    lost = [m for m in model.minutes if m.dropped]
    if lost:
        # Their p99 is infinite: a gap in the line, which would look like a quiet minute.
        drawn.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "dropped",
                "x": [clock.at(60.0 * m.minute) for m in lost],
                "y": [1000.0 * model.spec.slo.target_s] * len(lost),
                "text": [f"{m.dropped} dropped" for m in lost],
                "hoverinfo": "text+x",
                "marker": {"symbol": "x", "color": _LIMIT, "size": 8},
                "yaxis": "y3",
            }
        )
    return drawn


def _spend(moments: Sequence[Moment], clock: Clock) -> Figure:
    changes = _change_times(moments)
    costs = _held([m.at_s for m in moments], [m.cost_per_hour for m in moments], changes)
    return _line("spend", [clock.at(t) for t in changes], costs, "y4", _PALETTE[4], shape="hv")


def _change_times(moments: Sequence[Moment]) -> list[float]:
    """When replicas or spend changed, with the first and the last moment."""
    kept: list[float] = []
    before: tuple[Mapping[WorkloadKey, tuple[int, int]], float] | None = None
    for moment in moments:
        now = (moment.replicas, moment.cost_per_hour)
        if now != before:
            kept.append(moment.at_s)
        before = now
    if moments and kept[-1] != moments[-1].at_s:
        kept.append(moments[-1].at_s)
    return kept


def _held(at_s: Sequence[float], values: Sequence[float], when_s: Sequence[float]) -> list[float]:
    """The value in force at each of those times, both ascending."""
    found, i = [], 0
    for t in when_s:
        while i + 1 < len(at_s) and at_s[i + 1] <= t:
            i += 1
        found.append(round(float(values[i]), 4) if at_s and at_s[i] <= t else 0.0)
    return found


def _line(
    name: str,
    x: Sequence[float],
    y: Sequence[float | None],
    axis: str,
    colour: str,
    *,
    shape: str = "linear",
    dash: str = "solid",
) -> Figure:
    line = {"color": colour, "width": 1.6, "shape": shape, "dash": dash}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": line,
        "yaxis": axis,
    }


def _stacked(
    name: str, x: Sequence[float], y: Sequence[float], axis: str, index: int, group: str
) -> Figure:
    made = _line(name, x, y, axis, _PALETTE[index % len(_PALETTE)], shape="hv")
    return {**made, "stackgroup": group, "line": {**made["line"], "width": 0.5}}


def _limit(axis: str, value: float) -> Figure:
    line = {"color": _LIMIT, "width": 1.2, "dash": "dash"}
    span = {"x0": 0, "x1": 1, "y0": value, "y1": value}
    return {"type": "line", "xref": "paper", "yref": axis, **span, "line": line}


def _note(axis: str, value: float, words: str, *, log: bool = False) -> Figure:
    """Words at a limit's right end; plotly wants the exponent where the axis is logarithmic."""
    at = math.log10(value) if log and value > 0 else value
    place = {"xref": "paper", "x": 1, "xanchor": "right", "yref": axis, "y": at}
    words_at = {"yanchor": "bottom", "showarrow": False, "text": words}
    return {**place, **words_at, "font": {"size": 11, "color": _LIMIT}}


def _layout(
    rows: Sequence[str],
    clock: Clock,
    height: int,
    shapes: Sequence[Figure],
    notes: Sequence[Figure],
    log: int = 0,
) -> Figure:
    """One axis of values a row, from the top; `log`: the number of the one that is logarithmic."""
    size = (1.0 - _GAP * (len(rows) - 1)) / len(rows)
    layout: Figure = {
        "height": height,
        "margin": {"l": 58, "r": 16, "t": _MARGIN[0], "b": _MARGIN[1]},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "hovermode": "x unified",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "y": -_BELOW / (height - sum(_MARGIN)),
            "yanchor": "top",
            "x": 0,
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#8793a3", "activecolor": _PALETTE[0]},
        "shapes": list(shapes),
        "annotations": list(notes),
        "xaxis": {
            "title": {"text": clock.unit, "standoff": 4},
            "anchor": f"y{len(rows)}" if len(rows) > 1 else "y",
            "rangemode": "tozero",
        },
    }
    for i, name in enumerate(rows):
        top = 1.0 - i * (size + _GAP)
        layout[f"yaxis{i + 1}" if i else "yaxis"] = {
            "title": {"text": name, "standoff": 6},
            "domain": [round(max(0.0, top - size), 4), round(top, 4)],
            "rangemode": "tozero",
            **(_LOGARITHMIC if i + 1 == log else {}),
        }
    return layout


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000.0 * seconds, 2)
