"""The hard bounds of workloads that share a model's traffic: last, and for their sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.core.guard import Step
from trimtab.core.ledger import Shares
from trimtab.core.plan import Constraint
from trimtab.core.snapshot import WorkloadKey
from trimtab.core.targets import bounded_by
from trimtab.core.view import View, speak_for


def clamped(
    view: View, wanted: Mapping[WorkloadKey, int], steps: Mapping[WorkloadKey, Step], shares: Shares
) -> tuple[dict[WorkloadKey, int], tuple[Constraint, ...]]:
    """Replicas by workload within maximum, money and inventory, and what these took away.

    The mix keeps the maximum together, each workload alone. What gives way serves until it is
    relieved and comes on top, as the old variant of a switch does.
    """
    bounded = dict.fromkeys(steps, 0)
    names: dict[WorkloadKey, str] = {}
    most = view.state.spec.scaling.max_replicas
    for key, part in _parts(view, wanted, steps):
        step = bounded_by(view, key, min(part, most - bounded[key]), shares)
        bounded[key] += step.replicas
        if step.replicas < part:
            names.setdefault(key, step.binding or "MaxReplicas")
    notes = tuple(
        Constraint(name, f"{steps[key].replicas} of {key} run, {bounded[key]} are allowed")
        for key, name in names.items()
    )
    return bounded, notes


def _parts(
    view: View, wanted: Mapping[WorkloadKey, int], steps: Mapping[WorkloadKey, Step]
) -> Iterator[tuple[WorkloadKey, int]]:
    """Replicas in the order in which they are kept where not all may be: what serves, then what the
    mix has, then the rest."""
    keys = [*wanted, *(k for k in steps if k not in wanted)]
    done = dict.fromkeys(keys, 0)
    for most in (
        {k: view.state.workload(k).ready for k in keys},
        wanted,
        {k: s.replicas for k, s in steps.items()},
    ):
        for key in keys:
            part = max(0, min(steps[key].replicas, most.get(key, 0)) - done[key])
            done[key] += part
            if part:
                yield key, part


def spoken_for(
    view: View,
    wanted: Mapping[WorkloadKey, int],
    bounded: Mapping[WorkloadKey, int],
    shares: Shares,
) -> None:
    """What the mix has and cannot have yet is nobody else's."""
    lacking = sum(wanted.values()) - sum(bounded.values())
    for key, count in wanted.items():
        more = min(lacking, count - bounded[key])
        if more > 0:
            speak_for(view, key, more, shares)
            lacking -= more
