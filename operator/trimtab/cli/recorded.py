"""`--from-prometheus`: the recorded load of a live cluster, read and handed to the simulator."""

from __future__ import annotations

import asyncio
import time

import click

from trimtab.api.quantities import parse_duration
from trimtab.api.resources import ObjectKey
from trimtab.observe.errors import PrometheusError
from trimtab.observe.history import Rates, read_arrivals
from trimtab.observe.prometheus import ClientSettings, open_client
from trimtab.observe.queries import ReadSettings
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.from_prometheus import Recorded, recorded
from trimtab.simulate.trace import Trace

_TIMEOUT_S = 60.0  # a week of a large fleet is no instant query


def recorded_traces(fleet: Fleet, url: str, since: str, step: str) -> dict[ObjectKey, Trace]:
    """Every model's trace of the time `since` (7d, 36h) until now, in steps of `step`.

    Tells of gaps on standard error. Raises SimulationError.
    """
    step_s = _seconds("--step", step)
    steps = int(_seconds("--since", since) // step_s)
    if steps < 1:
        raise SimulationError(f"--since {since} is shorter than one step of {step}: raise it.")
    # Whole steps, so that a run of today and one of tomorrow cut the same minutes.
    start_s = (time.time() // step_s - steps) * step_s
    try:
        rates = asyncio.run(_read(url, start_s, steps, step_s))
    except PrometheusError as error:
        raise SimulationError(f"--from-prometheus: {error.message}") from error
    except ValueError as error:
        raise SimulationError(f"--from-prometheus: {error}") from error
    found = recorded(fleet, rates, steps, step_s)
    for key, each in found.items():
        if each.gaps:
            click.echo(_gaps(key, each), err=True)
    return {key: each.trace for key, each in found.items()}


async def _read(url: str, start_s: float, steps: int, step_s: float) -> Rates:
    async with open_client(ClientSettings(url, timeout_s=_TIMEOUT_S)) as client:
        return await read_arrivals(client, ReadSettings(), start_s, steps, step_s)


def _seconds(option: str, text: str) -> float:
    """A time; days are written as 7d, which no manifest knows."""
    try:
        whole = text.removesuffix("d")
        seconds = float(whole) * 86400.0 if whole != text else parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise SimulationError(f"{option}: {text!r} is no time: write it like 7d, 36h or 60s.")
    return seconds


def _gaps(key: ObjectKey, each: Recorded) -> str:
    first_s, _ = each.gaps[0]
    count = "1 gap" if len(each.gaps) == 1 else f"{len(each.gaps)} gaps"
    return (
        f"{key}: no samples for {each.missing_s / 60:.0f} minutes in {count}, the first"
        f" {first_s / 3600:.1f} hours after the start; played at the rate before each."
    )
