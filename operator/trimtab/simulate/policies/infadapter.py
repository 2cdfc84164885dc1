"""InfAdapter's joint choice of variants and their sizes.

Source: Salmani et al., "Reconciling High Accuracy, Cost-Efficiency, and Low Latency of Inference
Serving Systems" (EuroMLSys 2023, arXiv 2304.10892) and its code, auto_tuner/adapter/reconfig.py.
Every 30 s: the largest sum of share-weighted accuracy - alpha*cost/B - beta*loading, among the
subsets of variants whose capacities (each 0.8 of what the SLO allows) reach the forecast; the most
accurate is filled first; alpha 0.05, beta 0.001; a smaller fleet only after four decisions in a row
ask for one. Its forecast is an LSTM on the largest rate of each of the last 10 minutes, times 1.1;
here, as its own code does while history is short, an exponential mean (span 10) of those maxima
stands in for the LSTM, and never less than the last of them. Accuracy counts in [0, 1], cost as a
share of the budget (of maxReplicas of the dearest class without one), a replica is the unit that a
core is in the paper, and every variant takes equally long to load.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.core.plan import Target
from trimtab.core.signals import value_or_none
from trimtab.core.snapshot import ModelState, WorkloadKey
from trimtab.simulate.policies.pin import Pinned
from trimtab.simulate.policies.switching import make_before_break
from trimtab.simulate.policy import Metrics, Seen, Targets

_EVERY_S = 30.0
_MINUTES = 10
_GROWTH = 1.1
_USED = 0.8
_ALPHA, _BETA = 0.05, 0.001
_LOWER_NEEDED = 4
_SAMPLE_S = 10.0

Sizes = Mapping[WorkloadKey, int]


@dataclass(frozen=True, slots=True)
class Setting:
    """What the choice knows: the ways (most accurate first), the largest fleet, money per hour that
    counts as a whole, and how many variants may run at once."""

    ways: tuple[Pinned, ...]
    most_replicas: int
    money: float
    mix: bool


def choose(rate: float, setting: Setting, now: Sizes) -> Sizes:
    """The sizes with the best score that carry `rate` requests/s; the largest fleet of what carries
    most where none does."""
    best: tuple[float, Sizes] | None = None
    for sizes in _candidates(rate, setting):
        score = _score(sizes, rate, setting, now)
        if best is None or score > best[0]:
            best = (score, sizes)
    if best is not None:
        return best[1]
    strongest = max(setting.ways, key=lambda w: w.rate)
    return {strongest.key: setting.most_replicas}


def _candidates(rate: float, setting: Setting) -> Iterator[Sizes]:
    """One variant alone, or two of which the less accurate takes what the other leaves.

    Its code tries every subset, which is exponential. A linear programme with two rows (the load,
    the money) has an optimum with two variants, so a third could only save a fraction of a replica.
    """
    for way in setting.ways:
        alone = max(1, math.ceil(rate / (_USED * way.rate) - 1e-9))
        if alone <= setting.most_replicas:
            yield {way.key: alone}
    if not setting.mix:
        return
    for first, second in itertools.combinations(setting.ways, 2):
        for count in range(1, setting.most_replicas):
            rest = rate - count * _USED * first.rate
            if rest <= 0:
                break
            other = math.ceil(rest / (_USED * second.rate) - 1e-9)
            if count + other <= setting.most_replicas:
                yield {first.key: count, second.key: other}


def _score(sizes: Sizes, rate: float, setting: Setting, now: Sizes) -> float:
    accuracy, cost, rest = 0.0, 0.0, rate
    for way in setting.ways:
        count = sizes.get(way.key, 0)
        served = min(count * _USED * way.rate, rest)
        accuracy += float(way.accuracy) * (served / rate if rate > 0 else float(count > 0))
        cost += count * float(way.price_per_hour)
        rest -= served
    loading = any(now.get(key) != count for key, count in sizes.items())
    return accuracy - _ALPHA * cost / setting.money - _BETA * loading


class Forecast:
    """The largest rate of each of the last minutes, and the next."""

    def __init__(self) -> None:
        self._maxima: dict[int, float] = {}

    def note(self, rate: float, now_s: float) -> None:
        minute = int(now_s // 60)
        self._maxima[minute] = max(rate, self._maxima.get(minute, 0.0))
        self._maxima = {m: r for m, r in self._maxima.items() if m > minute - _MINUTES}

    def rate(self) -> float:
        """Requests per second to plan for; 0 before anything was noted."""
        mean, weight = 0.0, 2.0 / (_MINUTES + 1)
        for i, minute in enumerate(sorted(self._maxima)):
            mean = self._maxima[minute] if i == 0 else mean + weight * (self._maxima[minute] - mean)
        last = self._maxima[max(self._maxima)] if self._maxima else 0.0
        return _GROWTH * max(mean, last)


@dataclass(slots=True)
class _Model:
    setting: Setting
    forecast: Forecast
    sizes: Sizes
    decided_s: float
    lower: int = 0


class InfAdapter:
    """The rule on each model by itself."""

    def __init__(
        self,
        specs: Sequence[ModelDeployment],
        ways: Mapping[ObjectKey, tuple[Pinned, ...]],
        mixes: frozenset[ObjectKey] = frozenset(),
    ) -> None:
        self._models = {
            s.key: _Model(_setting(s, ways[s.key], s.key in mixes), Forecast(), {}, -math.inf)
            for s in specs
        }

    def start(self, seen: Seen, now_s: float) -> Targets:
        targets = {}
        for state in seen.snapshot.models:
            model = self._models[state.spec.key]
            model.forecast.note(value_or_none(state.readings.arrival_rate) or 0.0, now_s)
            model.sizes = choose(model.forecast.rate(), model.setting, {})
            model.decided_s = now_s
            targets[state.spec.key] = self._targets(state, model)
        return targets

    def tick(self, seen: Seen, now_s: float) -> Targets:
        for state in seen.snapshot.models:
            self._think(state, seen.metrics, now_s)
        return {
            s.spec.key: self._targets(s, self._models[s.spec.key]) for s in seen.snapshot.models
        }

    def _think(self, state: ModelState, metrics: Metrics, now_s: float) -> None:
        model = self._models[state.spec.key]
        rate = metrics.rate(state.spec.key, _SAMPLE_S)
        if rate is not None:
            model.forecast.note(rate, now_s)
        if now_s - model.decided_s < _EVERY_S - 1e-6:
            return
        model.decided_s = now_s
        sizes = choose(model.forecast.rate(), model.setting, model.sizes)
        lower = _money(sizes, model.setting) < _money(model.sizes, model.setting)
        model.lower = model.lower + 1 if lower else 0
        if not lower or model.lower >= _LOWER_NEEDED:
            model.sizes, model.lower = sizes, 0

    def _targets(self, state: ModelState, model: _Model) -> tuple[Target, ...]:
        caps = {w.key: w.batch_cap for w in model.setting.ways}
        return make_before_break(state, model.sizes, caps, _weights(model))


def _weights(model: _Model) -> dict[WorkloadKey, int]:
    """Percent of the traffic by variant: the most accurate is filled first."""
    rest = model.forecast.rate()
    total = rest or 1.0
    weights: dict[WorkloadKey, int] = {}
    for way in model.setting.ways:
        served = min(model.sizes.get(way.key, 0) * _USED * way.rate, rest)
        if way.key in model.sizes:
            weights[way.key] = max(1, round(100 * served / total))
        rest -= served
    return weights


def _money(sizes: Sizes, setting: Setting) -> float:
    prices = {w.key: float(w.price_per_hour) for w in setting.ways}
    return sum(count * prices[key] for key, count in sizes.items())


def _setting(spec: ModelDeployment, ways: tuple[Pinned, ...], mix: bool) -> Setting:
    most = spec.scaling.max_replicas
    dearest = float(max(w.price_per_hour for w in ways))
    money = float(spec.budget_per_hour) if spec.budget_per_hour is not None else most * dearest
    ordered = tuple(sorted(ways, key=lambda w: (-w.accuracy, w.price_per_request)))
    return Setting(ordered, most, money, mix)
