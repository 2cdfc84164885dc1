"""One number per model, found in hindsight: the least cost that still keeps the promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
    play: Play,
    bounds: Mapping[ObjectKey, tuple[float, float]],
    steps: int = 7,
    together: frozenset[ObjectKey] = frozenset(),
) -> dict[ObjectKey, float]:
    """The cheapest knob of each model that keeps the promise, by bisection on its logarithm.

    bounds: (safe, lean) of each model: at `safe` it costs most and attains most. All models move in
    the same runs, as none of their rules knows of another; those in `together`, which do, share one
    knob and the bounds of the first, and it keeps the promise where it does for each of them. Where
    not even `safe` keeps the promise, the knob that attained most. It takes 1 + `steps` runs.
    """
    groups: list[tuple[ObjectKey, ...]] = [(k,) for k in bounds if k not in together]
    if together:
        groups.append(tuple(sorted(together)))
    ends = [list(bounds[g[0]]) for g in groups]
    tried: list[list[tuple[float, Outcome]]] = [[] for _ in groups]
    knobs = [safe for safe, _ in ends]
    for _ in range(1 + steps):
        outcomes = play({k: v for g, v in zip(groups, knobs, strict=True) for k in g})
        for i, group in enumerate(groups):
            outcome = _joint([outcomes[k] for k in group])
            tried[i].append((knobs[i], outcome))
            # `safe` stays the safe end, even where it does not keep the promise.
            ends[i][0 if outcome.kept or len(tried[i]) == 1 else 1] = knobs[i]
        knobs = [math.sqrt(safe * lean) for safe, lean in ends]
    return {
        k: _leanest(each, bounds[g[0]][1]) if k in together else _best(each)
        for g, each in zip(groups, tried, strict=True)
        for k in g
    }


def _joint(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(min(o.attainment for o in outcomes), sum(o.cost for o in outcomes))


def _leanest(tried: list[tuple[float, Outcome]], lean: float) -> float:
    """Nearest to `lean`: what is saved where a limit is shared is spent on something better, so the
    cost does not tell."""
    kept = [(abs(math.log(knob / lean)), knob) for knob, o in tried if o.kept]
    return min(kept)[1] if kept else _best(tried)


def _best(tried: list[tuple[float, Outcome]]) -> float:
    kept = [(o.cost, knob) for knob, o in tried if o.kept]
    return min(kept)[1] if kept else max(tried, key=lambda t: t[1].attainment)[0]
