"""Bounds that know the trace: rules with their numbers searched on it, and the clairvoyant."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

import numpy as np

from trimtab.api.resources import ModelDeployment, Objective, ObjectKey, RoutingType
from trimtab.simulate.policies.accuracy import Limit, most_accurate, stretched
from trimtab.simulate.policies.case import Case
from trimtab.simulate.policies.families import Family, with_numbers
from trimtab.simulate.policies.load import per_second, rates
from trimtab.simulate.policies.oracle import (
    Clock,
    Known,
    Timeline,
    Timetable,
    cheapest,
    cheapest_mix,
)
from trimtab.simulate.policies.rule import PerModel
from trimtab.simulate.policies.shortage import share_classes
from trimtab.simulate.policies.timeline import held, ticks_of
from trimtab.simulate.policies.tune import PROMISED, Knobs, Outcome, tune
from trimtab.simulate.policies.window import (
    Fluid,
    Window,
    WindowNumbers,
    fluid_result,
    recent_quantiles,
)
from trimtab.simulate.policy import Policy

_WINDOWS_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_QUANTILES = (0.5, 0.75, 0.9, 0.95, 1.0)
_HOLDS_S = (0.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_HEADROOMS = tuple(np.geomspace(0.8, 6.0, 30).tolist())
_VERIFIED = 4
_WINDOW_STEPS = 5
_SHORTEST_STRETCH_S = 60.0


def tuned_family(case: Case, family: Family) -> PerModel:
    """A rule of today with its one number searched on the trace."""

    def build(numbers: Knobs) -> PerModel:
        return with_numbers(family, case.specs, case.pinned, numbers)

    bounds = {
        k: (family.safe(s, case.pinned[k]), family.lean(s, case.pinned[k]))
        for k, s in case.specs.items()
    }
    return build(tune(lambda knobs: case.play(build(knobs)), bounds))


def best_window(case: Case) -> PerModel:
    """The window rule with all four numbers searched: coarsely by a fluid queue, then the headroom
    of each model's best few by whole runs."""
    shortlist = {key: _shortlist(case, key) for key in case.specs}
    found: dict[ObjectKey, tuple[bool, float, WindowNumbers]] = {}
    for nth in range(_VERIFIED):
        numbers = {k: each[min(nth, len(each) - 1)] for k, each in shortlist.items()}
        bounds = {k: (2.0 * n.headroom, 0.7 * n.headroom) for k, n in numbers.items()}
        headrooms = tune(partial(_play_windows, case, numbers), bounds, _WINDOW_STEPS)
        outcomes = _play_windows(case, numbers, headrooms)
        for key, outcome in outcomes.items():
            each = _with_headroom(numbers[key], headrooms[key])
            cost = outcome.cost if outcome.kept else -outcome.attainment
            rank = (not outcome.kept, cost, each)
            found[key] = min(found.get(key, rank), rank, key=lambda r: r[:2])
    return _windows(case, {k: r[2] for k, r in found.items()}, {})


def _play_windows(
    case: Case, numbers: Mapping[ObjectKey, WindowNumbers], headrooms: Knobs
) -> Mapping[ObjectKey, Outcome]:
    return case.play(_windows(case, numbers, headrooms))


def _windows(case: Case, numbers: Mapping[ObjectKey, WindowNumbers], headrooms: Knobs) -> PerModel:
    rules = {
        k: Window(_with_headroom(n, headrooms.get(k, n.headroom)), case.pinned[k].rate)
        for k, n in numbers.items()
    }
    return PerModel(case.pinned, rules)


def _with_headroom(numbers: WindowNumbers, headroom: float) -> WindowNumbers:
    return WindowNumbers(numbers.window_s, numbers.quantile, numbers.hold_s, headroom)


def _shortlist(case: Case, key: ObjectKey) -> list[WindowNumbers]:
    """The cheapest few that keep the promise of one model in the fluid queue."""
    pinned, settings = case.pinned[key], case.settings
    fluid = Fluid(
        arrivals=per_second(case.traces[key], case.end_s),
        tick_s=round(settings.tick_s),
        start_s=round(settings.start_up_s),
        lag_s=round(settings.scrape_s / 2),
        rate_each=pinned.rate,
        most_each=pinned.carried.most_rate,
        low=max(1, case.specs[key].scaling.min_replicas),
    )
    kept: list[tuple[float, WindowNumbers]] = []
    for window_s, quantile in itertools.product(_WINDOWS_S, _QUANTILES):
        recent = recent_quantiles(fluid, window_s, quantile)
        for hold_s in _HOLDS_S:
            for headroom in _HEADROOMS:
                cost, attained = fluid_result(fluid, recent, hold_s, headroom)
                if attained >= PROMISED:
                    kept.append((cost, WindowNumbers(window_s, quantile, hold_s, headroom)))
                    break
    best: dict[tuple[float, float], tuple[float, WindowNumbers]] = {}
    for cost, numbers in kept:
        # One of each window and quantile: the best few would else differ in their hold alone.
        place = (numbers.window_s, numbers.quantile)
        best[place] = min(best.get(place, (cost, numbers)), (cost, numbers), key=lambda b: b[0])
    longest = WindowNumbers(_WINDOWS_S[-1], 1.0, _HOLDS_S[-1], _HEADROOMS[-1])
    cheapest_first = sorted(best.values(), key=lambda b: b[0])
    return [n for _, n in cheapest_first[:_VERIFIED]] or [longest]


def oracle(case: Case) -> Policy:
    """The clairvoyant, with the least headroom that keeps each promise."""
    bounds = dict.fromkeys(case.specs, (6.0, 0.75))
    # What one of these is given, another is not: they share their headroom.
    together = frozenset(
        k for k, s in case.specs.items() if s.objective is Objective.MAXIMIZE_ACCURACY
    )
    headrooms = tune(lambda h: case.play(_timetable(case, h)), bounds, together=together)
    return _timetable(case, headrooms)


def _timetable(case: Case, headrooms: Knobs) -> Timetable:
    settings = case.settings
    clock = Clock(
        settings.tick_s,
        ticks_of(settings.start_up_s, settings.tick_s),
        ticks_of(settings.drain_s, settings.tick_s),
    )
    known = {k: _known(case, s) for k, s in case.specs.items()}
    timelines: dict[ObjectKey, Timeline] = {}
    for key, spec in case.specs.items():
        if spec.objective is Objective.MINIMIZE_COST:
            plan = cheapest_mix if spec.routing.type is RoutingType.GATEWAY else cheapest
            timelines[key] = plan(known[key], clock, headrooms[key])
    rest = {k: n for k, n in known.items() if k not in timelines}
    stretch_ticks = ticks_of(max(_SHORTEST_STRETCH_S, 2 * settings.start_up_s), settings.tick_s)
    limits = _limits(case, known, timelines, stretch_ticks, clock.drain_ticks)
    timelines |= most_accurate(rest, headrooms, limits, clock, stretch_ticks)
    timelines = share_classes(timelines, case.fleet.accelerator_classes)
    return Timetable(timelines, case.true_ways, settings.tick_s)


def _known(case: Case, spec: ModelDeployment) -> Known:
    return Known(
        case.true_ways[spec.key],
        rates(case.traces[spec.key], case.settings.tick_s, case.end_s),
        max(1, spec.scaling.min_replicas),
        spec.scaling.max_replicas,
    )


def _limits(
    case: Case,
    known: Mapping[ObjectKey, Known],
    timelines: Mapping[ObjectKey, Timeline],
    stretch_ticks: int,
    drain_ticks: int,
) -> list[Limit]:
    """Every budget and class, less what the models that are planned already use of it."""
    ticks = max(k.rates.size for k in known.values())

    def left(most: Decimal | int, models: frozenset[ObjectKey], name: str | None) -> Limit:
        free = np.full(ticks, float(most))
        for key in models & timelines.keys():
            for workload, counts in timelines[key].items():
                price = _price(case, workload.accelerator_class) if name is None else 1.0
                free -= (
                    held(counts, drain_ticks) * price * (name in (None, workload.accelerator_class))
                )
        return Limit(models, stretched(free, stretch_ticks).min(axis=1), name)

    limits = [
        left(spec.budget_per_hour, frozenset({spec.key}), None)
        for spec in case.specs.values()
        if spec.budget_per_hour is not None
    ]
    for key, budget in case.fleet.budgets.items():
        sharing = {
            s.key
            for s in case.specs.values()
            if (s.key.namespace, s.budget_ref) == (key.namespace, key.name)
        }
        limits.append(left(budget.per_hour, frozenset(sharing), None))
    limits.extend(
        left(a.max_replicas, frozenset(case.specs), a.name)
        for a in case.fleet.accelerator_classes.values()
        if a.max_replicas is not None
    )
    return limits


def _price(case: Case, class_name: str) -> float:
    return float(case.fleet.accelerator_classes[class_name].price_per_hour or 0)
