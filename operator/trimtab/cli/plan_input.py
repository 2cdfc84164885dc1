"""What `trimtab plan` decides on: a cluster, a snapshot file or rates by hand, as one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from trimtab.api.resources import ObjectKey
from trimtab.cli.snapshot_file import SnapshotFile, find_measured, measured_state
from trimtab.core.signals import Known, NoTraffic
from trimtab.core.snapshot import ModelState, Snapshot
from trimtab.observe.table import MOST
from trimtab.simulate.fleet import Fleet

_AMPLE = 100_000  # room on the nodes where a file or a hand says nothing of it


def parse_rates(texts: Sequence[str], known: Sequence[ObjectKey]) -> dict[ObjectKey, float]:
    """NAME=REQ_PER_S of each, by model; click.UsageError names what is wrong."""
    rates: dict[ObjectKey, float] = {}
    for text in texts:
        name, equals, amount = text.rpartition("=")
        found = [key for key in known if name in (key.name, str(key))]
        try:
            rate = float(amount)
        except ValueError:
            rate = -1.0
        if not equals or not 0.0 <= rate <= MOST:
            raise click.UsageError(
                f"--rate {text}: write NAME=REQUESTS_PER_SECOND from 0 to {MOST:g}, as in a=120."
            )
        if not found:
            names = ", ".join(str(key) for key in known) or "none at all"
            raise click.UsageError(f"--rate {text}: there is no model {name!r}; known: {names}.")
        if len(found) > 1:
            raise click.UsageError(
                f"--rate {text}: {name!r} is of several namespaces: write"
                " NAMESPACE/NAME=REQUESTS_PER_SECOND."
            )
        rates[found[0]] = rate
    return rates


def snapshot_of_files(
    fleet: Fleet, file: SnapshotFile, rates: Mapping[ObjectKey, float], now_s: float
) -> Snapshot:
    """The manifests with what a snapshot file and rates by hand say of them.

    Nodes that the file does not count hold as many replicas as are asked for.
    """
    keys = {model.key for model in fleet.models}
    for measured in file.models:
        if ObjectKey(measured.namespace, measured.name) not in keys:
            raise click.ClickException(
                f"The snapshot speaks of {measured.namespace}/{measured.name}, and no manifest"
                " declares it: give it with -f."
            )
    room = dict.fromkeys(fleet.accelerator_classes, _AMPLE)
    states = (
        measured_state(
            ModelState(model), find_measured(file, model.key), rates.get(model.key), now_s
        )
        for model in fleet.models
    )
    return Snapshot(
        tuple(states), fleet.accelerator_classes, fleet.budgets, {**room, **file.schedulable}
    )


def changed(
    seen: Snapshot, fleet: Fleet | None, rates: Mapping[ObjectKey, float], now_s: float
) -> Snapshot:
    """A cluster's snapshot as it would be with these manifests applied and these rates arriving."""
    if fleet is not None:
        specs = {model.key: model for model in fleet.models}
        kept = [replace(s, spec=specs.pop(s.spec.key, s.spec)) for s in seen.models]
        seen = replace(
            seen,
            models=(*kept, *(ModelState(spec) for spec in specs.values())),
            accelerator_classes={**seen.accelerator_classes, **fleet.accelerator_classes},
            budgets={**seen.budgets, **fleet.budgets},
        )
    models = tuple(
        s if s.spec.key not in rates else _with_rate(s, rates[s.spec.key], now_s)
        for s in seen.models
    )
    return replace(seen, models=models)


def _with_rate(state: ModelState, rate: float, now_s: float) -> ModelState:
    reading = Known(rate, now_s) if rate else NoTraffic(now_s)
    none = NoTraffic(now_s)
    readings = replace(
        state.readings, arrival_rate=reading, arrival_rate_fast=reading, pending=none
    )
    return replace(state, readings=readings)
