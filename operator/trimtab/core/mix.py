"""Which variants share a model's traffic behind a gateway, and how many replicas of each.

What runs stays as long as it carries the load: first it only grows. Another mix is a wish, for the
peak of a whole stabilisation window, and must be worth the replicas that it starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trimtab.api.resources import Objective, RoutingType
from trimtab.core.choose import Choice, judge
from trimtab.core.demand import peak_demand, peak_foreseen, safe_demand, seen_for
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Room, Shares
from trimtab.core.mix_solver import Counts, MixSolver
from trimtab.core.option import Option
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import WorkloadKey
from trimtab.core.view import View

_ACCURACY_DIGITS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Mix:
    """members: what shares the traffic, the one that carries most first. lead: what would serve
    alone if nothing were short, with what the mix has of it. others: each variant alone, as it was
    judged. short: True where the members cannot carry the load."""

    members: tuple[Choice, ...]
    lead: Choice
    others: tuple[Choice, ...]
    short: bool

    @property
    def main(self) -> Choice:
        """The member that carries most."""
        return self.members[0]

    @property
    def cost_per_hour(self) -> Decimal | None:
        """Of all members; None where a price is unknown."""
        costs = [m.cost_per_hour for m in self.members]
        return None if None in costs else sum((c for c in costs if c is not None), Decimal(0))

    @property
    def accuracy(self) -> Decimal:
        """The members' mean, by what they carry."""
        if len(self.members) == 1:
            return self.main.option.accuracy
        carried = [m.granted * (m.option.capacity_rate or 0.0) for m in self.members]
        exact = sum(
            c * float(m.option.accuracy) for c, m in zip(carried, self.members, strict=True)
        ) / sum(carried)
        return Decimal(exact).quantize(_ACCURACY_DIGITS)

    def latency_s(self, rate: float, percentile: float) -> float | None:
        """The percentile expected of the slowest member, each with its share of `rate` items/s;
        None where a member's speed is unknown."""
        total = sum(m.granted * (m.option.capacity_rate or 0.0) for m in self.members)
        if not total:
            return None
        each = [
            m.option.latency_s(
                rate * m.granted * (m.option.capacity_rate or 0.0) / total, m.granted, percentile
            )
            for m in self.members
        ]
        return None if None in each else max(s for s in each if s is not None)


def mix_of(
    view: View, shares: Shares, room: Room, now_s: float, policy: PolicySettings
) -> Mix | None:
    """The mix of one model; None where its user or what is known allows one variant alone."""
    spec = view.state.spec
    if spec.routing.type is not RoutingType.GATEWAY or spec.scaling.manual is not None:
        return None
    running = _running(view, room)
    able = _able(view, room)
    if not able:
        return None
    if any(view.options[key].capacity_rate is None for key in running):
        return None
    rate = _rate(view, now_s, policy)
    closed = shares.budget_missing(spec)
    if not running and (rate is None or closed):
        return None
    counts, short = running, False
    if rate is not None and not closed:
        solver = MixSolver(spec, tuple(able), view.options, shares, policy)
        counts, short = _counts(view, solver, running, rate, now_s, policy)
    if not any(counts.values()):
        return None
    return _described(view, counts, short, rate, shares)


def _counts(
    view: View,
    solver: MixSolver,
    running: Counts,
    rate: float,
    now_s: float,
    policy: PolicySettings,
) -> tuple[Counts, bool]:
    """Replicas by workload, and whether they are too few."""
    arriving = view.demand.arriving
    traffic = rate if arriving is None else arriving
    grown = solver.grown(running, rate, traffic=traffic)
    if grown is not None and (not grown[1] or view.demand.blind):
        counts, short = grown
        if counts != running and not view.demand.blind:
            return _with_room_left(view, solver, running, counts, rate), short
        calm = None if view.demand.blind or counts != running else _calm(view, now_s, policy)
        if calm is None:
            return counts, short
        lasting = max(rate, calm, _coming(view, now_s))
        best, lacking = solver.best(lasting, running, traffic=calm, wish=True)
        return (counts, short) if lacking else (best, lacking)
    if view.demand.blind:
        return running, False
    best, short = solver.best(rate, running, traffic=traffic, wish=False)
    if grown is not None and short:
        # Where nothing carries the load, two ways that carry about as much swapped for minutes, and
        # every pod that left drained a long queue on the money of the one to come.
        enough = solver.carried(grown[0]) * (1.0 + policy.switch_gain)
        return (best, short) if solver.carried(best) > enough else grown
    return best, short


def _with_room_left(
    view: View, solver: MixSolver, running: Counts, grown: Counts, rate: float
) -> Counts:
    """What is added now, where the accurate alone would fill the room before the load that comes
    is carried: the faster one first, while there is room for it.

    Behind a gateway it takes no traffic from the accurate one, but only what that does not carry.
    The counter-example: as the load rose the accurate variant took all of the budget, and then gave
    its places up one by one, each a drain, a start and two steps of the route: two minutes late.
    """
    expected = view.demand.foreseen
    if view.state.spec.objective is not Objective.MAXIMIZE_ACCURACY or solver.shares_budget:
        return grown
    if expected is None or expected <= rate:
        return grown
    ahead = solver.grown(running, expected, traffic=expected)
    if ahead is None:
        return grown
    least = min(view.options[k].accuracy for k in _more(running, grown))
    faster = {k for k in _more(running, ahead[0]) if view.options[k].accuracy < least}
    if not faster:
        return grown
    alone = {**running, **{k: ahead[0][k] for k in faster}}
    return alone if solver.carried(alone) >= rate else ahead[0]


def _more(before: Counts, after: Counts) -> list[WorkloadKey]:
    return [k for k, n in after.items() if n > before.get(k, 0)]


def _rate(view: View, now_s: float, policy: PolicySettings) -> float | None:
    """The load to carry; blind, what may be grown on, and the remembered peak once that lasts."""
    safe = safe_demand(view.memory, now_s, policy) if view.demand.blind else None
    return max((rate for rate in (view.demand.rate, safe) if rate is not None), default=None)


def _calm(view: View, now_s: float, policy: PolicySettings) -> float | None:
    """What a smaller or another fleet must carry; None before a whole window was seen."""
    window_s = hold_s(view.state.spec, view.memory)
    peak = peak_demand(view.memory, now_s, window_s)
    if peak is None or not seen_for(view.memory, now_s, window_s, policy):
        return None
    return peak * (1.0 + policy.dead_band)


def _coming(view: View, now_s: float) -> float:
    """The most that was foreseen in a window, for a model that has a fast variant for it: one that
    had just started was removed at a dip of five seconds, and started again after it."""
    spec = view.state.spec
    if spec.objective is not Objective.MAXIMIZE_ACCURACY:
        return 0.0
    return peak_foreseen(view.memory, now_s, hold_s(spec, view.memory)) or 0.0


def _running(view: View, room: Room) -> Counts:
    """Replicas that serve or will; of those that no node takes, the ones that serve."""
    counts = {}
    for workload in view.state.workloads:
        hopeless = not workload.ready and room.stuck(workload.key.accelerator_class)
        if workload.key in view.options and workload.replicas and not hopeless:
            counts[workload.key] = workload.replicas
    return counts


def _able(view: View, room: Room) -> list[Option]:
    """What may take part: known, priced, and where any is, within the SLO."""
    known = [
        o
        for o in view.options.values()
        if o.capacity_rate
        and o.price_per_hour is not None
        and (view.state.workload(o.key).ready or not room.stuck(o.key.accelerator_class))
    ]
    return [o for o in known if o.meets_slo] or known


def _described(view: View, counts: Counts, short: bool, rate: float | None, shares: Shares) -> Mix:
    spec, options = view.state.spec, view.options
    judged = {o.key: judge(o, spec, rate, counts.get(o.key, 0), shares) for o in options.values()}
    wanted = [key for key, n in counts.items() if n]
    wanted.sort(key=lambda k: (-counts[k] * (options[k].capacity_rate or 0.0), k))
    members = tuple(_member(judged[key], counts[key], short) for key in wanted)
    alone = len(members) == 1
    others = tuple(c for key, c in judged.items() if not (alone and key == wanted[0]))
    lead = _lead(judged, counts) if spec.objective is Objective.MAXIMIZE_ACCURACY else None
    return Mix(members, lead or members[0], others, short)


def _lead(judged: dict[WorkloadKey, Choice], counts: Counts) -> Choice | None:
    """The most accurate alone, and what the mix has of it."""
    good = [c for c in judged.values() if c.option.meets_slo and c.needed is not None]
    if not good:
        return None
    lead = max(good, key=lambda c: (c.option.accuracy, -_cost(c), c.option.key))
    granted = counts.get(lead.option.key, 0)
    return lead._replace(granted=granted, bound=lead.bound if granted < (lead.needed or 0) else "")


def _cost(choice: Choice) -> float:
    option, needed = choice.option, choice.needed
    cost = option.cost(needed or 0)
    return float("inf") if cost is None else float(cost)


def _member(judged: Choice, count: int, short: bool) -> Choice:
    bound = judged.bound if short else ""
    return Choice(judged.option, count, count, bound, short, judged.ceiling, judged.needed)
