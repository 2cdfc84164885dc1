"""Moving a model from one workload to another without losing capacity on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trimtab.core.choose import Choice
from trimtab.core.demand import Demand
from trimtab.core.options import Option
from trimtab.core.plan import Constraint
from trimtab.core.snapshot import Workload, WorkloadKey

OldSteps = tuple[tuple[WorkloadKey, int], ...]


def retire(
    olds: Iterable[Workload],
    new: Workload,
    new_replicas: int,
    choice: Choice,
    options: Mapping[WorkloadKey, Option],
    demand: Demand,
) -> tuple[OldSteps, tuple[Constraint, ...]]:
    """How many replicas each old workload keeps while the new one takes over.

    Make before break: the old ones keep what the new Ready replicas do not carry yet. Where the
    new one cannot grow at all and the old may not stay, one old replica goes to make room.
    """
    steps: list[tuple[WorkloadKey, int]] = []
    notes: list[Constraint] = []
    stuck = new_replicas < choice.granted and new.ready >= new_replicas
    for old in olds:
        kept = old.replicas
        if demand.blind:
            notes.append(Constraint("MetricsMissing", f"{old.key} stays: readings are missing"))
        elif new.ready >= choice.granted:
            kept = 0
        elif old.key in options:
            kept = _still_needed(old, new, choice, options[old.key], demand)
        elif stuck:
            # No accelerator or money for both, and the old one may not stay: break before make,
            # and only one at a time, so that the rest serves on.
            kept = max(0, old.replicas - 1)
            stuck = False
            notes.append(Constraint("BreakBeforeMake", f"{old.key} makes room for {new.key}"))
        if 0 < kept == old.replicas and not demand.blind:
            notes.append(
                Constraint("MakeBeforeBreak", f"{old.key} serves until {new.key} is Ready")
            )
        steps.append((old.key, kept))
    return tuple(steps), tuple(notes)


def _still_needed(
    old: Workload, new: Workload, choice: Choice, option: Option, demand: Demand
) -> int:
    """Old replicas that carry what the new Ready ones do not; all of them where that is unknown."""
    new_rate, old_rate = choice.option.capacity_rate, option.capacity_rate
    if new_rate is None or old_rate is None or demand.rate is None or new.ready == 0:
        return old.replicas
    rest = option.needed(max(0.0, demand.rate - new.ready * new_rate))
    return old.replicas if rest is None else min(old.replicas, max(1, rest))
