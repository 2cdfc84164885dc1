"""A model's part in the joint plan where not everybody can have what he asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from trimtab.api.resources import RoutingType
from trimtab.core.hold import ready_after_s
from trimtab.core.latency import capacity_rate
from trimtab.core.optimise import Demand
from trimtab.core.option import Option
from trimtab.core.shortage import Strain
from trimtab.core.signals import value_or_none
from trimtab.core.view import View

_STAYS = 0.1  # how likely it is that the rate of now stays
# What is taken from whom it serves counts so much more than what is given: by the rates of a moment
# every model lost a replica each minute to another, and a tenth of them was always starting.
_KEEP = 10.0


def strained(view: View, options: Sequence[Option], demand: Demand, now_s: float) -> Demand:
    """What arrives, with what is missed of it by replicas; nothing for what may come.

    In part as if the rate of now stayed, and in part as if it went back to the median of the last
    five minutes. The counter-example: a burst of ten seconds took three of four replicas from a
    model that was in time, and was over before they were Ready where they were sent.
    """
    now = arriving_rate(view, demand)
    recent = sorted(rate for _, rate in view.memory.history.recent)
    usual = recent[len(recent) // 2] if recent else now
    rates = ((_STAYS, now), (1.0 - _STAYS, min(demand.rate, usual)))
    shares = [_missed(view, option, rates, demand, now_s) for option in options]
    held = (view.state.workload(option.key).replicas for option in options)
    # What serves, and would be missed least as it is.
    kept = min(
        (s[min(n, len(s) - 1)] for s, n in zip(shares, held, strict=True) if s and n), default=1.0
    )
    told = tuple(
        replace(choice, missed=tuple(m + _KEEP * max(0.0, m - kept) for m in missed))
        for missed, choice in zip(shares, demand.options, strict=True)
    )
    return replace(demand, rate=_mean(rates), options=told)


def arriving_rate(view: View, demand: Demand) -> float:
    """What arrives now, without a backlog and without what may come."""
    rate = view.demand.arriving
    return min(demand.rate, rate) if rate is not None and math.isfinite(rate) else 0.0


def _missed(
    view: View,
    option: Option,
    rates: Sequence[tuple[float, float]],
    demand: Demand,
    now_s: float,
) -> tuple[float, ...]:
    """By replicas; nothing where too little is known to tell."""
    if min(rate for _, rate in rates) <= 0.0 or option.capacity_rate is None:
        return ()
    found = [(weight, _strain(view, option, rate, now_s)) for weight, rate in rates]
    likely = [(weight, strain) for weight, strain in found if strain is not None]
    if not likely:
        return ()
    asked = math.ceil(demand.rate / option.capacity_rate - 1e-9)
    useful = min(asked, max(strain.worth_a_thought() for _, strain in likely))
    most = min(max(demand.min_replicas, useful), demand.max_replicas)
    missed = [[weight * m for m in strain.missed_rates(most)] for weight, strain in likely]
    return tuple(sum(each) / _mean(rates) for each in zip(*missed, strict=True))


def _strain(view: View, option: Option, rate: float, now_s: float) -> Strain | None:
    spec, readings = view.state.spec, view.state.readings
    if option.model is None:
        return None
    # Without the margin for what is not known: everybody's together made a shortage of none, and
    # one gave way for it.
    model = replace(option.model, curve=option.model.curve.scaled(1.0 / option.margin))
    capacity = capacity_rate(model, spec.slo.target_s, spec.slo.percentile)
    if not 0.0 < capacity < model.saturation_rate:
        return None
    workload, start_s = view.state.workload(option.key), ready_after_s(view.memory)
    begun = [p.created_s for p in workload.pods if p.ready_s is None and not p.terminating]
    left_s = max((start_s - (now_s - at_s) for at_s in begun), default=0.0)
    ready = min(workload.ready, workload.replicas)
    pending = readings.items * (value_or_none(readings.pending) or 0.0)
    return Strain(
        rate=option.load_factor * rate,
        backlog=max(0.0, pending - max(1.0, rate * spec.slo.target_s)),
        ready=ready + _beside(view, option),
        starting=min(len(begun), workload.replicas - ready),
        starting_s=min(max(0.0, left_s), start_s),
        start_s=start_s,
        capacity_rate=capacity,
        saturation_rate=model.saturation_rate,
        tail=1.0 - spec.slo.percentile / 100.0,
    )


def _beside(view: View, option: Option) -> int:
    """What serves beside it behind a gateway, in replicas of the option."""
    if view.state.spec.routing.type is not RoutingType.GATEWAY or not option.capacity_rate:
        return 0
    others = [w for w in view.state.workloads if w.key != option.key and w.key in view.options]
    rate = sum(w.ready * (view.options[w.key].capacity_rate or 0.0) for w in others)
    return int(rate / option.capacity_rate)


def _mean(rates: Sequence[tuple[float, float]]) -> float:
    return sum(weight * rate for weight, rate in rates)
