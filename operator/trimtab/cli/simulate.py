"""`trimtab simulate`: from files to a report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from trimtab.api.quantities import parse_duration
from trimtab.api.resources import ObjectKey
from trimtab.cli.output import as_document
from trimtab.cli.simulate_output import as_text
from trimtab.simulate import policies
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet, load_fleet
from trimtab.simulate.report import Report, as_json
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.trace_file import read_trace
from trimtab.simulate.truth import make_truth
from trimtab.simulate.truth_file import read_truth

_STEPS = 10  # lines of progress where nobody watches a terminal


def simulate_command(
    manifests: Sequence[Path],
    traces: Sequence[str],
    policy: str,
    truth: Path | None,
    scale: float,
    output: str,
    from_prometheus: str | None = None,
    since: str = "7d",
    step: str = "60s",
    **times: Any,
) -> None:
    """Plays the fleet once and prints the report; click's exceptions say what is wrong."""
    try:
        settings = _settings(policy, **times)
        fleet = load_fleet(manifests)
        if from_prometheus is not None:
            load = _recorded(fleet, traces, from_prometheus, since, step)
            load = {key: trace.scaled(scale, settings.seed) for key, trace in load.items()}
        else:
            load = _traces(fleet, traces, scale, settings.seed)
        true = make_truth(fleet, read_truth(truth, fleet) if truth else None)
        rule = policies.make(policy, fleet, load, settings, true)
        shown = _shown(run(fleet, load, rule, settings, true, _progress()), output)
    except SimulationError as error:
        raise click.ClickException(str(error)) from error
    click.echo(shown)


def _shown(report: Report, output: str) -> str:
    if output == "table":
        return as_text(report)
    if output == "html":
        from trimtab.simulate.report_html import as_html

        return as_html(report)
    return as_document(as_json(report), output)


def _recorded(
    fleet: Fleet, traces: Sequence[str], url: str, since: str, step: str
) -> dict[ObjectKey, Trace]:
    if traces:
        raise SimulationError("--trace and --from-prometheus exclude each other: give one.")
    from trimtab.cli.recorded import recorded_traces

    return recorded_traces(fleet, url, since, step)


def _settings(
    policy: str,
    *,
    start_up: str,
    drain: str,
    tick: str,
    scrape: str,
    duration: str | None,
    blind: Sequence[str],
    seed: int,
) -> RunSettings:
    if policy not in policies.NAMES:
        known = ", ".join(policies.NAMES)
        raise SimulationError(f"--policy: there is no policy {policy!r}: use one of {known}.")
    return RunSettings(
        policy=policy,
        start_up_s=_seconds("--start-up", start_up, least=0.0),
        drain_s=_seconds("--drain", drain, least=0.0),
        tick_s=_seconds("--tick", tick, least=0.1),
        scrape_s=_seconds("--scrape", scrape, least=0.1),
        duration_s=None if duration is None else _seconds("--duration", duration, least=1.0),
        blind=tuple(_span(text) for text in blind),
        seed=seed,
    )


def _seconds(option: str, text: str, *, least: float) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise SimulationError(
            f"{option}: {text!r} is not a time with its unit: write it like 45s, 500ms or 6h."
        ) from None
    if seconds < least:
        raise SimulationError(f"{option}: {text} is too short: it must be {least:g}s at least.")
    return seconds


def _span(text: str) -> tuple[float, float]:
    start, colon, end = text.partition(":")
    if not colon:
        raise SimulationError(f"--blind: {text!r} is no FROM:TO: write it like 600s:15m.")
    span = _seconds("--blind", start, least=0.0), _seconds("--blind", end, least=0.0)
    if span[0] >= span[1]:
        raise SimulationError(f"--blind: {text!r} ends before it begins: swap the two.")
    return span


def _traces(fleet: Fleet, given: Sequence[str], scale: float, seed: int) -> dict[ObjectKey, Trace]:
    """Each model's trace; SimulationError where one is given twice or not at all."""
    if scale <= 0.0:
        raise SimulationError(f"--scale-trace: {scale:g} is no factor above 0: raise it.")
    found: dict[ObjectKey, Trace] = {}
    files: dict[str, Trace] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise SimulationError(f"--trace: {text!r} is no NAME=FILE: write it so.")
        key = fleet.named(name, "--trace").key
        if key in found:
            raise SimulationError(f"--trace: {key} has two traces: remove one.")
        if file not in files:
            files[file] = read_trace(Path(file)).scaled(scale, seed)
        found[key] = files[file]
    for model in fleet.models:
        if model.key not in found:
            raise SimulationError(
                f"ModelDeployment {model.key} has no trace: add --trace {model.key.name}=FILE."
            )
    return found


def _progress() -> Callable[[float], None]:
    """Percents on standard error: in place on a terminal, every tenth elsewhere."""
    terminal = sys.stderr.isatty()
    shown = -1

    def show(share: float) -> None:
        nonlocal shown
        percent = int(share * 100.0)
        if percent == shown or (not terminal and percent // _STEPS == shown // _STEPS):
            return
        shown = percent
        click.echo(f"\r{percent} %" if terminal else f"{percent} %", err=True, nl=not terminal)
        if terminal and percent == 100:
            click.echo(err=True)

    return show
