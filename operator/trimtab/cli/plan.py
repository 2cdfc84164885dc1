"""`trimtab plan`: one decision, shown and not applied."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import click

from trimtab.cli.output import as_document
from trimtab.cli.plan_input import changed, parse_rates, snapshot_of_files
from trimtab.cli.plan_output import as_data, as_text
from trimtab.cli.snapshot_file import SnapshotError, SnapshotFile, dump_snapshot, load_snapshot
from trimtab.control.look import LookError, Where, look_at
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.core.snapshot import Snapshot
from trimtab.observe.prometheus import ClientSettings
from trimtab.observe.queries import ReadSettings
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet, load_fleet


def plan_command(
    manifests: Sequence[Path],
    snapshot: Path | None,
    rates: Sequence[str],
    output: str,
    *,
    cluster: bool,
    where: Where,
    prometheus: str | None,
    namespaces: Sequence[str],
    dump: Path | None,
) -> None:
    """Decides once and prints it; click's exceptions say what is wrong."""
    _check(manifests, snapshot, rates, prometheus, dump, cluster=cluster)
    try:
        if cluster:
            seen, now_s, problems = asyncio.run(_look(where, prometheus, namespaces))
            for problem in problems:
                click.echo(f"left out: {problem}", err=True)
            if dump is not None:
                dump.write_text(dump_snapshot(seen), encoding="utf-8")
                click.echo(f"written: {dump}", err=True)
            fleet = load_fleet(manifests, seen.accelerator_classes) if manifests else None
            seen = _changed(seen, fleet, rates, now_s)
        else:
            fleet, now_s = load_fleet(manifests), time.time()
            file = load_snapshot(snapshot) if snapshot else SnapshotFile()
            given = parse_rates(rates, [model.key for model in fleet.models])
            seen = snapshot_of_files(fleet, file, given, now_s)
    except (SimulationError, SnapshotError, LookError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not seen.models:
        raise click.ClickException("The cluster holds no ModelDeployment that can be decided on.")
    plan, _ = decide(seen, Memory(), now_s)
    if output == "table":
        width = shutil.get_terminal_size((100, 24)).columns
        click.echo(as_text(plan, seen, width, live=cluster))
    else:
        click.echo(as_document(as_data(plan, seen), output))


def _changed(seen: Snapshot, fleet: Fleet | None, rates: Sequence[str], now_s: float) -> Snapshot:
    keys = {state.spec.key for state in seen.models}
    keys |= {model.key for model in fleet.models} if fleet else set()
    return changed(seen, fleet, parse_rates(rates, sorted(keys)), now_s)


async def _look(
    where: Where, prometheus: str | None, namespaces: Sequence[str]
) -> tuple[Snapshot, float, list[str]]:
    try:
        client = ClientSettings(prometheus) if prometheus else None
        return await look_at(where, client, ReadSettings(), namespaces)
    except ValueError as error:
        raise click.UsageError(f"--prometheus: {error}") from error


def _check(
    manifests: Sequence[Path],
    snapshot: Path | None,
    rates: Sequence[str],
    prometheus: str | None,
    dump: Path | None,
    *,
    cluster: bool,
) -> None:
    """An option that would have no effect is refused, never ignored."""
    if cluster and snapshot:
        raise click.UsageError("--snapshot and --cluster exclude each other: give one.")
    if not cluster and not manifests:
        raise click.UsageError("Nothing to decide on: give manifests with -f, or --cluster.")
    if not cluster and not snapshot and not rates:
        raise click.UsageError("No load: give --rate NAME=REQ_PER_S, --snapshot FILE or --cluster.")
    for name, given in (("--prometheus", prometheus), ("--dump", dump)):
        if given and not cluster:
            raise click.UsageError(f"{name} has an effect only with --cluster: add it.")
