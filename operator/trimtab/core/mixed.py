"""What every workload of a model should be now where several share its traffic.

The guards of one workload, for each of them and for their sum: what grows grows within what may be
added now, and what is too much goes only as far as the Ready others carry the load without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.api.resources import Objective
from trimtab.core.behind import at_least
from trimtab.core.demand import peak_demand, seen_for
from trimtab.core.guard import Step, grow
from trimtab.core.hold import hold_s
from trimtab.core.ledger import Room, Shares
from trimtab.core.mix import Mix
from trimtab.core.mixed_bounds import clamped, spoken_for
from trimtab.core.mixed_steps import Others, let_go, make_room
from trimtab.core.plan import Constraint, Target
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.targets import as_chosen, as_rendered
from trimtab.core.view import View


@dataclass(frozen=True, slots=True)
class _Workloads:
    """growing: those of which the mix has more. others: all else that exists, first what goes
    first."""

    growing: tuple[Workload, ...]
    others: tuple[Workload, ...]


def mixed_targets(
    view: View, mix: Mix, shares: Shares, room: Room, now_s: float, policy: PolicySettings
) -> tuple[tuple[Target, ...], tuple[Constraint, ...], Step]:
    """What every workload should be now, the members of the mix first, with what the guards did."""
    wanted = {m.option.key: m.granted for m in mix.members}
    sorted_ = _sorted(view, wanted)
    steps: dict[WorkloadKey, Step] = {}
    for workload in sorted_.growing:
        steps[workload.key] = grow(workload, wanted[workload.key], view.state.spec, room)
    others = _others(view, mix, wanted, now_s, policy)
    for workload in sorted_.others:
        steps[workload.key] = let_go(workload, others, steps)
    if not view.demand.blind:
        steps |= make_room(sorted_.growing, sorted_.others, others, steps)
    if view.behind_until_s is not None:
        for workload in sorted_.others:
            steps[workload.key] = at_least(steps[workload.key], workload, view.behind_until_s)
    bounded, notes = clamped(view, wanted, steps, shares)
    spoken_for(view, wanted, bounded, shares)
    targets = [
        _target(view, mix, key, bounded[key], room)
        for key in [*wanted, *(k for k in bounded if k not in wanted)]
    ]
    return tuple(targets), notes, _together(wanted, steps)


def _sorted(view: View, wanted: dict[WorkloadKey, int]) -> _Workloads:
    keys = wanted.keys() | {w.key for w in view.state.workloads if w.replicas or w.pods}
    every = [view.state.workload(key) for key in sorted(keys)]
    growing = [w for w in every if wanted.get(w.key, 0) > w.replicas]
    order = list(wanted)
    growing.sort(key=lambda w: order.index(w.key))
    others = [w for w in every if w not in growing]
    strained = _strained(view)
    others.sort(key=lambda w: _worth(view, wanted, w.key, strained=strained))
    return _Workloads(tuple(growing), tuple(others))


def _strained(view: View) -> bool:
    """Whether what serves carries less than is planned for."""
    carried = sum(
        w.ready * (view.options[w.key].capacity_rate or 0.0)
        for w in view.state.workloads
        if w.key in view.options
    )
    return carried < (view.demand.rate or 0.0)


def _worth(
    view: View, wanted: dict[WorkloadKey, int], key: WorkloadKey, *, strained: bool
) -> tuple[bool, bool, float, WorkloadKey]:
    """What may not stay goes first, then what the mix has none of, then the least accurate. Under
    strain, or where accuracy is no goal, what carries least for its money: two fast variants made
    room for each other for ten minutes, and the slow one between them stayed."""
    option = view.options.get(key)
    if option is None:
        return False, False, 0.0, key
    price = float(option.price_per_hour or 0)
    worth = (option.capacity_rate or 0.0) / price if price else float("inf")
    if view.state.spec.objective is Objective.MAXIMIZE_ACCURACY and not strained:
        worth = float(option.accuracy)
    return True, key in wanted, worth, key


def _others(
    view: View, mix: Mix, wanted: dict[WorkloadKey, int], now_s: float, policy: PolicySettings
) -> Others:
    window_s = hold_s(view.state.spec, view.memory)
    return Others(
        view,
        wanted,
        mix.short,
        peak_demand(view.memory, now_s, window_s),
        seen_for(view.memory, now_s, window_s, policy),
        window_s,
        now_s,
        policy,
    )


def _target(view: View, mix: Mix, key: WorkloadKey, replicas: int, room: Room) -> Target:
    spec, workload = view.state.spec, view.state.workload(key)
    member = next((m for m in mix.members if m.option.key == key), None)
    if member is None:
        return as_rendered(spec, workload, replicas)
    return as_chosen(spec, workload, member.option, replicas, room, blind=view.demand.blind)


def _together(wanted: dict[WorkloadKey, int], steps: dict[WorkloadKey, Step]) -> Step:
    """All steps as one: what binds growth before what keeps a workload from shrinking."""
    ordered = [steps[k] for k in [*wanted, *(k for k in steps if k not in wanted)]]
    binding = next((s.binding for s in ordered if s.binding), None)
    times = [s.shrink_allowed_at_s for s in ordered if s.shrink_allowed_at_s is not None]
    constraints = _once(c for s in ordered for c in s.constraints)
    return Step(sum(s.replicas for s in ordered), constraints, binding, min(times, default=None))


def _once(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    return tuple(dict.fromkeys(constraints))
