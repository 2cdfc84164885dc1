"""What would keep a promise that is broken: what is on its way, or what the user could do."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.api.resources import ScalingMode
from trimtab.core.choose import Choice
from trimtab.core.plan import Target
from trimtab.core.snapshot import ModelState
from trimtab.core.units import ms

# What the user can do about each bound. The one place: conditions name it, and nothing else does.
_MENDS = {
    "Budget": "raise spec.budget.perHour or add a cheaper variant",
    "SharedBudget": "raise the InferenceBudget or lower another model's priority",
    "BudgetMissing": "create the InferenceBudget that spec.budgetRef names",
    "Inventory": "raise the AcceleratorClass's spec.maxReplicas or add another class",
    "Schedulable": "add nodes that the AcceleratorClass selects, or another class",
    "MaxReplicas": "raise spec.scaling.maxReplicas",
    "PriceUnknown": "set spec.pricePerHour of the AcceleratorClass",
}


def shortage(choice: Choice) -> str:
    """By how much the capacity falls short, and what would mend it."""
    option = choice.option
    if not option.meets_slo:
        idle = ms(option.idle_latency_s) if option.idle_latency_s is not None else "unknown"
        return (
            f"Even an idle replica of {option.key} takes {idle}:"
            " raise spec.slo.latency.target or add a faster variant or accelerator."
        )
    mend = _MENDS.get(choice.bound, "add a faster variant or another accelerator class")
    wanted = "more" if choice.needed is None else f"{choice.needed}"
    return f"The load asks for {wanted} replicas of {option.key}, {choice.granted} may run: {mend}."


def lateness(
    state: ModelState,
    targets: Iterable[Target],
    choice: Choice | None,
    binding: str | None,
    *,
    act: bool,
    settling: bool,
) -> str:
    """What becomes of a latency above its target.

    `binding`: the guard that keeps the fleet from its plan now. `act`: the plan is applied.
    `settling`: the fleet changed so lately that the measured latency still tells of the one before.
    """
    if choice is not None and choice.short:
        return shortage(choice)
    goals = {t.key: t.replicas for t in targets}
    asked = sum(max(n, state.workload(k).ready) for k, n in goals.items())
    coming = asked - sum(state.workload(k).ready for k in goals)
    if not act:
        return _not_acting(state, coming)
    waiting = sum(state.workload(k).unschedulable for k in goals)
    if coming and waiting:
        return (
            f"{_pods(waiting)} for a node and none has room: add nodes, or name another"
            " AcceleratorClass in spec.variants."
        )
    if coming:
        return f"{_replicas(coming)} on the way."
    if binding in _MENDS:
        return f"Nothing can be added now ({binding}): {_MENDS[binding]}."
    if settling:
        return "The fleet changed a moment ago; the measurement still tells of the one before."
    if state.spec.scaling.mode is ScalingMode.MANUAL:
        return "Mode Manual adds nothing: raise spec.scaling.manual.replicas."
    return (
        "By what was learnt the replicas that run suffice, so none is on the way: what is learnt"
        " is being corrected; raising spec.scaling.minReplicas adds one at once."
    )


def _not_acting(state: ModelState, coming: int) -> str:
    if state.spec.scaling.mode is ScalingMode.ADVISE:
        wish = f"{_replicas(coming)} advised" if coming else "No more is advised"
        return f"{wish}, and mode Advise adds none: set spec.scaling.mode to Auto."
    return "Nothing is added while the model is stalled: see the condition Stalled."


def bound_mend(bound: str) -> str:
    """What the user can do about a bound; empty where it is none of the user's making."""
    return _MENDS.get(bound, "")


def _replicas(count: int) -> str:
    return "1 replica is" if count == 1 else f"{count} replicas are"


def _pods(count: int) -> str:
    return "1 pod waits" if count == 1 else f"{count} pods wait"
