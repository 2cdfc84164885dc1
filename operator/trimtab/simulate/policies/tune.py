"""One number per model, found in hindsight: the least cost that still keeps the promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trimtab.api.resources import ObjectKey

PROMISED = 0.99

Knobs = Mapping[ObjectKey, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one model in one run: the share of requests inside the SLO, and its cost."""

    attainment: float
    cost: float

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return self.attainment >= PROMISED


Play = Callable[[Knobs], Mapping[ObjectKey, Outcome]]


def tune(
    play: Play, bounds: Mapping[ObjectKey, tuple[float, float]], steps: int = 7
) -> dict[ObjectKey, float]:
    """The cheapest knob of each model that keeps the promise, by bisection on its logarithm.

    bounds: (safe, lean) of each model: at `safe` it costs most and attains most. All models move in
    the same runs, as none of their rules knows of another. Where not even `safe` keeps the promise,
    the knob that attained most. It takes 1 + `steps` runs.
    """
    safe = {key: b[0] for key, b in bounds.items()}
    lean = {key: b[1] for key, b in bounds.items()}
    tried: dict[ObjectKey, list[tuple[float, Outcome]]] = {key: [] for key in bounds}

    def note(knobs: Knobs) -> None:
        for key, outcome in play(knobs).items():
            tried[key].append((knobs[key], outcome))

    note(safe)
    for _ in range(steps):
        note({key: math.sqrt(safe[key] * lean[key]) for key in bounds})
        for key, each in tried.items():
            knob, outcome = each[-1]
            (safe if outcome.kept else lean)[key] = knob
    return {key: _best(each) for key, each in tried.items()}


def _best(tried: list[tuple[float, Outcome]]) -> float:
    kept = [(o.cost, knob) for knob, o in tried if o.kept]
    return min(kept)[1] if kept else max(tried, key=lambda t: t[1].attainment)[0]
