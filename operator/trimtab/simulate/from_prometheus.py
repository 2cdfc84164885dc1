"""Recorded arrivals of a live cluster as traces to play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.api.resources import ObjectKey
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.trace import Trace


@dataclass(frozen=True, slots=True)
class Recorded:
    """One model's trace, and what of it is not from samples.

    gaps: (first second, seconds) of each stretch without samples. It is played at the rate before
    it: no sample is not no load. Before the first sample nothing is played.
    """

    trace: Trace
    gaps: tuple[tuple[float, float], ...]

    @property
    def missing_s(self) -> float:
        """Seconds without samples, in all."""
        return sum(seconds for _, seconds in self.gaps)


def recorded(
    fleet: Fleet, rates: Mapping[tuple[str, str], Mapping[int, float]], steps: int, step_s: float
) -> dict[ObjectKey, Recorded]:
    """The trace of every model of the fleet.

    rates: requests per second by (namespace, Triton's model name) and step. Raises SimulationError
    for a model without any sample, and for two that Triton cannot tell apart.
    """
    seen: dict[tuple[str, str], ObjectKey] = {}
    found: dict[ObjectKey, Recorded] = {}
    for model in fleet.models:
        name = (model.key.namespace, model.model)
        if name in seen:
            raise SimulationError(
                f"ModelDeployments {seen[name]} and {model.key} both serve {model.model!r}: their"
                " recorded load cannot be told apart; give each its share with --trace."
            )
        seen[name] = model.key
        if not rates.get(name):
            known = ", ".join(sorted("/".join(key) for key, found in rates.items() if found))
            raise SimulationError(
                f"ModelDeployment {model.key}: Prometheus has no requests of model {model.model!r}"
                f" in namespace {model.key.namespace!r} in that time; it knows {known or 'none'}."
                " Give a longer --since, or the namespace in the manifest."
            )
        found[model.key] = _recorded(rates[name], steps, step_s)
    return found


def _recorded(rates: Mapping[int, float], steps: int, step_s: float) -> Recorded:
    known = np.array([step in rates for step in range(steps)])
    counts = np.zeros(steps, dtype=np.int64)
    rate, owed = 0.0, 0.0
    for step in range(steps):
        rate = rates.get(step, rate)
        # What rounding takes from one step it gives to the next: a model of one request in ten
        # minutes would have none at all otherwise.
        owed += rate * step_s
        counts[step] = int(owed)
        owed -= counts[step]
    return Recorded(
        Trace(step_s * np.arange(steps + 1, dtype=np.float64), counts), tuple(_gaps(known, step_s))
    )


def _gaps(known: NDArray[np.bool_], step_s: float) -> Iterator[tuple[float, float]]:
    """(first second, seconds) of each stretch of steps that are not known."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], known, [True]))))
    for first, end in edges.reshape(-1, 2).tolist():
        yield first * step_s, (end - first) * step_s
