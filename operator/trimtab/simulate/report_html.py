"""A run as one HTML page that needs no network: totals, plots, and every decision in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from importlib.resources import files
from string import Template

from trimtab.api.resources import ObjectKey
from trimtab.core.units import ms
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.report import ModelReport, Moment, Report
from trimtab.simulate.report_plots import Clock, Figure, budget_figure, model_figure

_DECISIONS_SHOWN = 500
_GOOD = 0.99
_COLUMNS = (
    *("model", "requests", "in time", "p50", "p99", "promise", "cost", "accuracy"),
    *("changes", "switches"),
)


def as_html(report: Report) -> str:
    """The page, some 5 MB of which are plotly's own code.

    Raises SimulationError where plotly is not installed.
    """
    clock = Clock(report.duration_s)
    plots: dict[str, Figure] = {}
    body = [_head(report), _models(report)]
    for i, (key, limit) in enumerate(sorted(report.budgets.items())):
        sharing = [m for m in report.models if _shares(m, key)]
        if sharing:
            plots[f"budget{i}"] = budget_figure(sharing, float(limit), clock)
            body.append(_section(f"Shared budget {key}", "", f"budget{i}"))
    for i, model in enumerate(report.models):
        plots[f"model{i}"] = model_figure(model, clock, report.duration_s)
        body.append(_section(model.name, _told(model), f"model{i}"))
        body.append(_decisions(model.moments))
    # A name that holds "</script>" must not end the script.
    data = json.dumps(plots, separators=(",", ":")).replace("<", "\\u003c")
    body.append(f'<script type="application/json" id="plots">{data}</script>')
    page = files("trimtab.simulate").joinpath("report_page.html").read_text(encoding="utf-8")
    title = escape(f"trimtab simulate: {report.policy}")
    return Template(page).substitute(title=title, plotly=_plotly(), body="\n".join(body))


def _plotly() -> str:
    try:
        return files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise SimulationError(
            "The page needs plotly, which is not installed: install trimtab[simulate], or use"
            " --output json."
        ) from None


def _head(report: Report) -> str:
    requests = sum(m.requests for m in report.models)
    share = sum(m.within for m in report.models) / requests if requests else 1.0
    violated = report.budget_violation_seconds
    accuracy = report.accuracy_mean
    tiles = (
        (f"{requests:,}", "requests", False),
        (_percent(share), "answered within the promise", share < _GOOD),
        (f"${sum(m.cost for m in report.models):,.2f}", "spent", False),
        ("-" if accuracy is None else f"{accuracy:.4f}", "mean accuracy", False),
        (f"{sum(m.dropped for m in report.models):,}", "dropped", any(_lost(report))),
        (f"{violated:g} s", "above a budget", violated > 0),
    )
    boxes = "".join(
        f'<div class="tile"><b{_class("bad" if bad else "")}>{value}</b><span>{name}</span></div>'
        for value, name, bad in tiles
    )
    words = f"{_span(report.duration_s)} simulated in {report.wall_s:.1f} s."
    return f'<h1>Policy {escape(report.policy)}</h1><p>{words}</p><div class="tiles">{boxes}</div>'


def _lost(report: Report) -> Iterator[bool]:
    return (m.dropped > 0 for m in report.models)


def _models(report: Report) -> str:
    head = "".join(f"<th{_class('number' if i else '')}>{n}</th>" for i, n in enumerate(_COLUMNS))
    rows = "".join(_row(model) for model in report.models)
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _row(model: ModelReport) -> str:
    slo, accuracy = model.spec.slo, model.accuracy_mean
    share = model.slo_attainment
    cells = (
        f"{model.requests:,}",
        _percent(share),
        _ms(model.latency_s(50.0)),
        _ms(model.latency_s(99.0)),
        f"p{slo.percentile:g} {_ms(slo.target_s)}",
        f"${model.cost:,.2f}",
        "-" if accuracy is None else f"{accuracy:.4f}",
        f"{model.scale_events}",
        f"{model.variant_switches}",
    )
    bad = {1: share < _GOOD}
    numbers = "".join(
        f"<td{_class('number bad' if bad.get(i) else 'number')}>{cell}</td>"
        for i, cell in enumerate(cells)
    )
    return f"<tr><td>{escape(model.name)}</td>{numbers}</tr>"


def _section(title: str, words: str, plot: str) -> str:
    text = f"<p>{escape(words)}</p>" if words else ""
    return f'<h2>{escape(title)}</h2>{text}<div class="plot" id="{plot}"></div>'


def _told(model: ModelReport) -> str:
    spec, slo = model.spec, model.spec.slo
    parts = [f"p{slo.percentile:g} within {_ms(slo.target_s)}"]
    if spec.min_accuracy:
        parts.append(f"accuracy at least {spec.min_accuracy:f}")
    if spec.budget_per_hour is not None:
        parts.append(f"at most ${spec.budget_per_hour:f} an hour")
    if spec.budget_ref is not None:
        parts.append(f"budget shared: {spec.budget_ref}")
    return "Promised: " + ", ".join(parts) + "."


def _decisions(moments: Sequence[Moment]) -> str:
    """Every moment at which something changed, with the rule's own words where it has some."""
    changed = list(_changes(moments))
    rows = "".join(
        f"<tr><td>{_clock(m.at_s)}</td><td>{escape(m.action) or 'Change'}</td>"
        f'<td class="number">{m.offered_rate:.0f}</td>'
        f'<td class="number">${m.cost_per_hour:.2f}</td>'
        f'<td class="words">{escape(m.summary) or escape(_asked(m))}</td></tr>'
        for m in changed[:_DECISIONS_SHOWN]
    )
    more = len(changed) - _DECISIONS_SHOWN
    title = f"{len(changed)} decisions that changed the fleet"
    title += f"; the first {_DECISIONS_SHOWN} are listed" if more > 0 else ""
    names = '<th>time</th><th>action</th><th class="number">req/s</th><th class="number">$/h</th>'
    table = f"<table><tr>{names}<th>decision</th></tr>{rows}</table>"
    return f'<details><summary>{title}</summary><div class="scroll">{table}</div></details>'


def _changes(moments: Sequence[Moment]) -> Iterator[Moment]:
    asked = None
    for moment in moments:
        now = {key: count for key, (count, _) in moment.replicas.items() if count}
        if now != asked:
            yield moment
        asked = now


def _asked(moment: Moment) -> str:
    run = (f"{count} x {key}" for key, (count, _) in moment.replicas.items() if count)
    return ", ".join(run) or "nothing"


def _shares(model: ModelReport, key: ObjectKey) -> bool:
    spec = model.spec
    return spec.budget_ref is not None and ObjectKey(spec.key.namespace, spec.budget_ref) == key


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _percent(share: float) -> str:
    """Never rounded up to all of them: 0.99996 is not 100 %."""
    if share >= 1.0:
        return "100 %"
    return f"{Decimal(repr(share * 100.0)).quantize(Decimal('0.01'), 'ROUND_DOWN')} %"


def _ms(seconds: float | None) -> str:
    return "∞" if seconds is None else ms(seconds)


def _clock(at_s: float) -> str:
    whole = int(at_s)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _span(seconds: float) -> str:
    if seconds >= 3 * 3600:
        return f"{seconds / 3600:.3g} hours"
    return f"{seconds / 60:.3g} minutes"
