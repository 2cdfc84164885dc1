"""What every workload of one model should be now; the hard bounds come last, on every path."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from trimtab.api.resources import ModelDeployment, ScalingMode
from trimtab.core.agreement import holds_switch
from trimtab.core.behind import at_least
from trimtab.core.choose import Choice
from trimtab.core.guard import Step, clamp, next_step
from trimtab.core.ledger import Room, Shares
from trimtab.core.observed import observe_latency
from trimtab.core.option import Option
from trimtab.core.plan import Constraint, Target
from trimtab.core.queue_bound import kept_queue_size
from trimtab.core.queue_delay import queue_delay_s
from trimtab.core.queue_timeout import queue_timeout_s
from trimtab.core.read_back import measured_scale
from trimtab.core.settings import PolicySettings
from trimtab.core.snapshot import Workload, WorkloadKey
from trimtab.core.switch import OldSteps, Relief, relief_by, retire
from trimtab.core.view import View, speak_for

_SPARE = 1.2  # of service times, while it cannot be told
FALL = 3.0
"""How many times the load of a while ago that of now must be for a summary to tell of what was."""


def targets_of(
    view: View, choice: Choice, shares: Shares, room: Room, now_s: float, policy: PolicySettings
) -> tuple[tuple[Target, ...], tuple[Constraint, ...], Step]:
    """What every workload should be now, with what the guards did."""
    spec, state = view.state.spec, view.state
    workload = state.workload(choice.option.key)
    demand, may_stay = view.demand, view.options
    if spec.scaling.mode is ScalingMode.MANUAL:
        # The user's order is no reading to be doubted, nor to be bettered while readings lack.
        demand = demand._replace(blind=False)
        # On a full class what the user wants gone would else hold the place of what is ordered.
        may_stay = {choice.option.key: choice.option}
        relief = Relief(demand.rate, demand.rate, choice.granted, blind=False, settled=True)
    else:
        relief = relief_by(choice, spec, view.memory, demand, now_s, policy)
    if spec.scaling.mode is ScalingMode.MANUAL and choice.granted < workload.replicas:
        step = Step(choice.granted)
    else:
        scale = partial(slowdown, view, choice.option, now_s, policy)
        step = next_step(workload, choice, spec, view.memory, demand, room, scale, now_s, policy)
    olds = [w for w in state.workloads if w.key != workload.key and (w.replicas or w.pods)]
    kept, notes = retire(olds, workload, step, choice, may_stay, relief)
    if holds_switch(state, workload.key):
        kept, notes = _kept_until_asked(kept, notes, workload.key, view, may_stay)
    if view.behind_until_s is not None and spec.scaling.mode is not ScalingMode.MANUAL:
        step = at_least(step, workload, view.behind_until_s)
        kept, notes = _kept_while_behind(kept, notes, view, view.behind_until_s)
    wishes = [(workload.key, step.replicas), *kept]
    if workload.ready == 0:
        # Where both are too many, what serves goes before what only starts.
        wishes = [*kept, (workload.key, step.replicas)]
    bounded: dict[WorkloadKey, int] = {}
    for key, replicas in wishes:
        bounds = bounded_by(view, key, replicas, shares)
        bounded[key] = bounds.replicas
        notes = (*notes, *bounds.constraints)
    if choice.granted > sum(bounded.values()):
        # What it is granted and cannot have yet is nobody else's.
        speak_for(view, workload.key, choice.granted - sum(bounded.values()), shares)
    replicas = bounded.pop(workload.key)
    targets = [
        as_chosen(spec, workload, choice.option, replicas, room, blind=demand.blind),
        *(as_rendered(spec, state.workload(key), count) for key, count in bounded.items()),
    ]
    return tuple(targets), notes, step


def _kept_until_asked(
    kept: OldSteps,
    notes: tuple[Constraint, ...],
    new: WorkloadKey,
    view: View,
    may_stay: Mapping[WorkloadKey, Option],
) -> tuple[OldSteps, tuple[Constraint, ...]]:
    """The old workloads as they are; not those that are known to be wrong themselves."""
    held = tuple(
        (key, view.state.workload(key).replicas if key in may_stay else replicas)
        for key, replicas in kept
    )
    if held == kept:
        return kept, notes
    effect = f"what serves stays until {new} was asked the sample"
    return held, (*notes, Constraint("OutputCheck", effect))


def _kept_while_behind(
    kept: OldSteps, notes: tuple[Constraint, ...], view: View, until_s: float
) -> tuple[OldSteps, tuple[Constraint, ...]]:
    """The old workloads, those that serve as they are."""
    steps = {k: at_least(Step(n), view.state.workload(k), until_s) for k, n in kept}
    held = tuple((key, step.replicas) for key, step in steps.items())
    return held, (*notes, *(c for step in steps.values() for c in step.constraints))


def slowdown(view: View, option: Option, now_s: float, policy: PolicySettings) -> float:
    """By what factor requests take longer than was learnt.

    Not after a fall to a third: the summary of a minute that a burst filled tells of the queue that
    the burst left, and held forty replicas for three minutes after everyone had gone. Nor for all
    that it says while it tells of a backlog: sixty replicas stood for a minute after twenty-five
    would have done, and what it truly is remains to be seen at a fifth more than is needed.
    """
    since_s = now_s - policy.long_window_s
    peak = max((rate for at_s, rate in view.memory.history.recent if at_s >= since_s), default=0.0)
    if peak > FALL * (view.demand.arriving or 0.0):
        return 1.0
    latency = observe_latency(view.state)
    measured = measured_scale(view.state, option, latency) or 1.0
    late_s = view.memory.history.error_budget.late_s
    is_of_backlog = late_s is not None and now_s - late_s < policy.settle_s
    return min(measured, _SPARE) if is_of_backlog else measured


def as_chosen(
    spec: ModelDeployment,
    workload: Workload,
    option: Option,
    replicas: int,
    room: Room,
    *,
    blind: bool,
) -> Target:
    """So many replicas of a workload, each as the option has it once that may change."""
    extra = _extra_in_rollout(workload)
    may_surge = room.growth(spec, workload.key.accelerator_class, extra)[0] == extra
    cap, queue_size = option.batch_cap, option.queue_size
    if _keeps_config(workload, may_surge=may_surge, blind=blind):
        cap = min(workload.batch_cap or cap, spec.triton.max_batch_size)
        queue_size = None if queue_size is None else kept_queue_size(spec, workload)
    rolls = (cap, queue_size) != (workload.batch_cap, workload.queue_size)
    if may_surge and workload.ready and rolls:
        # Two that began to roll in one tick counted on the same room for a pod more.
        room.take(spec, workload.key.accelerator_class, extra)
    return Target(
        workload.key,
        replicas,
        cap,
        queue_delay_s=option.queue_delay_s,
        may_surge=may_surge,
        queue_size=queue_size,
        queue_timeout_s=queue_timeout_s(spec, workload.key.variant),
    )


def _extra_in_rollout(workload: Workload) -> int:
    """Pods that exist beyond the replicas while they are replaced one by one: the one that comes
    first, and the one before it, which drains while the next comes already. Two replicas that were
    rolled with money for three were four pods for as long as one of them drained."""
    return 1 if workload.replicas <= 1 else 2


def as_rendered(spec: ModelDeployment, old: Workload, replicas: int) -> Target:
    """So many replicas of a workload that gives way, each as it was started, within the batch size
    that the user allows by now."""
    return Target(
        old.key,
        replicas,
        min(old.batch_cap or 1, spec.triton.max_batch_size),
        queue_delay_s=queue_delay_s(spec, old.key.variant),
        queue_size=kept_queue_size(spec, old),
        queue_timeout_s=queue_timeout_s(spec, old.key.variant),
    )


def _keeps_config(workload: Workload, *, may_surge: bool, blind: bool) -> bool:
    """Whether the cap and the queue bound that are rendered stay, whatever would carry more: new
    ones restart every pod.

    Not while pods start: where the best cap moves with the load, forty pods were begun anew at
    every tick of a burst, and none ever served. Not while blind: an operator that restarted knows
    profiles alone, and may choose another cap than serving had taught it. And not without room for
    one pod more: a lone replica would be down while its successor starts.
    """
    starting = any(p.ready_s is None and not p.terminating for p in workload.pods)
    return starting or (bool(workload.ready) and (blind or not may_surge))


def bounded_by(view: View, key: WorkloadKey, replicas: int, shares: Shares) -> Step:
    """A workload inside what the ones before it leave of money and inventory, and the maximum."""
    scaling = view.state.spec.scaling
    bound = shares.most_replicas(
        view.state.spec, key.accelerator_class, view.prices.get(key.accelerator_class)
    )
    if scaling.mode is not ScalingMode.MANUAL:
        bound = min((scaling.max_replicas, "MaxReplicas"), bound)
    step = clamp(Step(replicas), bound)
    speak_for(view, key, step.replicas, shares)
    return step
