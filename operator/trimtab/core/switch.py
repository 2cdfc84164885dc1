"""Moving a model from one workload to another without losing capacity on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from trimtab.api.resources import ModelDeployment, RoutingType
from trimtab.core.choose import Choice
from trimtab.core.demand import Demand, peak_demand, seen_for
from trimtab.core.guard import Step
from trimtab.core.hold import hold_s
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option
from trimtab.core.plan import Constraint
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload, WorkloadKey

# A profile of another machine was wrong by 2.7: believed, one new pod took the place of three old
# ones that carried twice as much. What serving has not told yet counts half.
_UNPROVEN = 2.0

OldSteps = tuple[tuple[WorkloadKey, int], ...]


class Relief(NamedTuple):
    """What the new workload must carry before an old one may go.

    rate: requests/s, the peak of the stabilisation window with its margin; None where unknown.
    coming: the same, or what is forecast for the time to Ready, or by the trend for the end of the
    switch, if that is more.
    ready: Ready replicas of the new workload that suffice. blind: nothing is known, nothing goes.
    settled: the load was seen for a whole window; otherwise what may stay, stays.
    even: every pod gets the same share of the traffic; otherwise what it can carry.
    """

    rate: float | None
    coming: float | None
    ready: int
    blind: bool
    settled: bool
    even: bool = True


def relief_by(
    choice: Choice,
    spec: ModelDeployment,
    memory: ModelMemory,
    demand: Demand,
    now_s: float,
    policy: PolicySettings,
) -> Relief:
    """A switch takes capacity away like any shrink, so the window counts and not the moment.

    The counter-example: in a lull of a minute one cheap replica carries the load, and five large
    ones leave just before the load is back.
    """
    window_s = hold_s(spec, memory)
    peak = peak_demand(memory, now_s, window_s)
    rate = None if peak is None else peak * (1.0 + policy.dead_band)
    coming = None if rate is None else max(rate, demand.rate or 0.0, _trend(demand, choice))
    needed = choice.option.needed(None if coming is None else coming * _doubt(choice.option))
    # Where it may never carry enough, what it is granted has to do.
    ready = choice.granted if choice.short else max(choice.granted, needed or 0)
    even = spec.routing.type is RoutingType.SERVICE
    return Relief(
        rate, coming, ready, demand.blind, seen_for(memory, now_s, window_s, policy), even
    )


def retire(
    olds: Iterable[Workload],
    new: Workload,
    step: Step,
    choice: Choice,
    options: Mapping[WorkloadKey, Option],
    relief: Relief,
) -> tuple[OldSteps, tuple[Constraint, ...]]:
    """How many replicas each old workload keeps while the new one takes over.

    Make before break: the old ones keep what the new Ready replicas do not carry yet. Where the
    new one (`step` is what its guards let it do) cannot grow at all and the old may not stay, one
    old replica goes to make room.
    """
    olds = tuple(olds)
    steps: list[tuple[WorkloadKey, int]] = []
    notes: list[Constraint] = []
    stuck = step.replicas < choice.granted and new.ready >= step.replicas
    # The room of the replica that goes is free only once it is gone: until then nothing else goes,
    # or a slow drain would empty the whole fleet before the first new pod starts.
    leaving = any(w.held > w.replicas for w in olds)
    for old in olds:
        kept = old.replicas
        if relief.blind:
            notes.append(Constraint("MetricsMissing", f"{old.key} stays: readings are missing"))
        elif _relieved(old, new, choice, options, relief):
            kept = 0
        elif old.key in options:
            kept = _still_needed(old, new, choice, options[old.key], relief, relief.coming)
        if (
            stuck
            and not leaving
            and kept == old.replicas
            and makes_room(old.key.accelerator_class, new.key.accelerator_class, step.binding)
            and _gives_way(old, new, choice, options, relief)
        ):
            # No accelerator or money for both: break before make, and only what is not needed until
            # others are there, or one at a time, so that the rest serves on.
            kept = _least_kept(old, new, choice, options, relief)
            stuck = False
            notes.append(Constraint("BreakBeforeMake", f"{old.key} makes room for {new.key}"))
        if 0 < kept == old.replicas and not relief.blind:
            notes.append(
                Constraint("MakeBeforeBreak", f"{old.key} serves until {new.key} is Ready")
            )
        steps.append((old.key, kept))
    return tuple(steps), tuple(notes)


def _relieved(
    old: Workload,
    new: Workload,
    choice: Choice,
    options: Mapping[WorkloadKey, Option],
    relief: Relief,
) -> bool:
    """The new Ready replicas carry all of it. None allowed at all is no relief, but a shortage."""
    if new.ready < relief.ready or _none_allowed(choice):
        return False
    return relief.settled or old.key not in options


def _none_allowed(choice: Choice) -> bool:
    return choice.granted == 0 and bool(choice.bound)


def makes_room(goes: str, comes: str, binding: str | None) -> bool:
    """Whether a replica of the class `goes` that is gone leaves what one of `comes` lacks.

    The counter-example: the new class has no price, or its nodes are full. Not one pod of another
    class that goes mends that, and a serving fleet was taken down to nothing for a replacement
    that could never start.
    """
    if binding in {"Inventory", "Schedulable"}:
        return goes == comes
    return binding in {"Budget", "SharedBudget"}


def _gives_way(
    old: Workload,
    new: Workload,
    choice: Choice,
    options: Mapping[WorkloadKey, Option],
    relief: Relief,
) -> bool:
    """Whether one of its replicas may go before the new one that takes its place is there.

    Where it may not stay, yes. Where it may: once the switch has begun, lest the last old replica
    hold the place of the last new one for ever; and not in the first window, unless each that
    comes carries at least as much as the one that goes. And to begin it, where the old ones cannot
    carry the load and the new ones can; never the only one.
    """
    if relief.blind or not old.replicas:
        return False
    if old.key not in options:
        return True
    if not new.ready:
        return old.replicas > 1 and not choice.short and _overloaded(old, options, relief)
    comes = options[new.key].capacity_rate if new.key in options else None
    goes = options[old.key].capacity_rate
    return relief.settled or (comes is not None and goes is not None and comes >= goes)


def _overloaded(old: Workload, options: Mapping[WorkloadKey, Option], relief: Relief) -> bool:
    each = options[old.key].capacity_rate
    return each is not None and relief.rate is not None and old.replicas * each < relief.rate


def _least_kept(
    old: Workload,
    new: Workload,
    choice: Choice,
    options: Mapping[WorkloadKey, Option],
    relief: Relief,
) -> int:
    """What stays of those that make room: enough for the measured load, as what may come is for the
    ones that take their places; at any rate one less than now."""
    most = max(0, old.replicas - 1)
    if old.key not in options:
        return most
    needed = _still_needed(old, new, choice, options[old.key], relief, relief.rate)
    return min(most, max(1, needed))


def _still_needed(
    old: Workload,
    new: Workload,
    choice: Choice,
    option: Option,
    relief: Relief,
    rate: float | None,
) -> int:
    """Old replicas that must stay for `rate` requests/s beside the new Ready ones; all of them
    where that is unknown.

    None where the new ones carry more without them, even if it is half of what is believed. The
    counter-example: four fast pods were not believed to carry the whole load yet, so one slow one
    stayed for the rest: it got a fifth of the traffic, half as much again as it could do, and the
    p99 was broken until it went.
    """
    carried = _together(new, choice, option, relief)
    if not relief.settled or new.ready == 0 or carried is None:
        return old.replicas
    if carried(0) >= carried(old.replicas) and not _none_allowed(choice):
        return 0
    if rate is None:
        return old.replicas
    # The last one goes as its own decision: what is wanted of the new ones must be Ready for that.
    enough = (kept for kept in range(1, old.replicas + 1) if carried(kept) >= rate)
    return next(enough, old.replicas)


def _together(
    new: Workload, choice: Choice, option: Option, relief: Relief
) -> Callable[[int], float] | None:
    """Requests/s that the new Ready replicas carry beside so many of `option`; None where unknown.

    Where each pod gets the same share, the slower kind says how much that is. The counter-example:
    one new pod of 40/s and one old of 10/s were counted as 50/s, and each got 25.
    """
    if choice.option.capacity_rate is None or option.capacity_rate is None:
        return None
    each, old_each = choice.option.capacity_rate / _doubt(choice.option), option.capacity_rate
    even_each = min(each, old_each)

    def carried(old: int) -> float:
        if old and relief.even:
            return (new.ready + old) * even_each
        return new.ready * each + old * old_each

    return carried


def _trend(demand: Demand, choice: Choice) -> float:
    """What is foreseen, where what stays for it takes no place of another model's."""
    return 0.0 if choice.ceiling[1] == "SharedBudget" else demand.foreseen or 0.0


def _doubt(option: Option) -> float:
    """By what its capacity is divided before old replicas go for it."""
    return _UNPROVEN if option.margin > 1.0 else 1.0
