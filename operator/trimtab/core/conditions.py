"""What is true of a model, as Kubernetes conditions: a verdict, a reason and a sentence each.

Reasons hold no figure: a change of status or reason is written to the API server at once, a message
that moves with the readings once a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from trimtab.core.choose import Choice
from trimtab.core.ledger import budget_key, running_cost, unpriced_classes
from trimtab.core.memory import ModelMemory
from trimtab.core.mend import bound_mend, shortage
from trimtab.core.observed import fails_too_often
from trimtab.core.plan import Condition, ConditionStatus, Latency, Target, how_read
from trimtab.core.signals import Missing, NoTraffic, Reading, Stale, value_or_none
from trimtab.core.snapshot import Backend, ModelState, Route, RouteTrouble, Snapshot
from trimtab.core.units import ms, percent

_LOOK_AT_SOURCE = "check spec.triton.image, the variant's image source and their pull secrets"
_LOOK_AT_LOG = "its log says why; kubectl logs shows it"
_WAITING_MENDS = {
    "ImagePullBackOff": _LOOK_AT_SOURCE,
    "ErrImagePull": _LOOK_AT_SOURCE,
    "InvalidImageName": _LOOK_AT_SOURCE,
    "CrashLoopBackOff": _LOOK_AT_LOG,
    "RunContainerError": _LOOK_AT_LOG,
    "OOMKilled": "raise memory in spec.resources of its AcceleratorClass",
}
_RAISE_MANUAL = "spec.scaling.manual.replicas is 0: raise it to serve."

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def ready(state: ModelState) -> Condition:
    """Ready: at least one pod answers, and a gateway that is asked for lets requests through."""
    serving = sum(w.ready for w in state.workloads)
    trouble = _route_trouble(state)
    if serving and trouble:
        return Condition("Ready", FALSE, trouble.reason, trouble.message)
    if serving:
        return Condition("Ready", TRUE, "Serving", "Pods are Ready and answer requests.")
    waits = _waits(state)
    if waits is not None:
        reason, text = waits
        return Condition("Ready", FALSE, reason, f"No pod is Ready; {text}")
    if any(w.unschedulable for w in state.workloads):
        text = (
            "No pod is Ready: no node has room for one. Add nodes, or name another AcceleratorClass"
            " in spec.variants."
        )
        return Condition("Ready", FALSE, "Unschedulable", text)
    if any(w.replicas for w in state.workloads):
        return Condition("Ready", FALSE, "Starting", "The first pod is starting.")
    return Condition("Ready", FALSE, "NoReplicas", "No replica runs: SLOMet says why.")


def _route_trouble(state: ModelState) -> RouteTrouble | None:
    return state.route.trouble if state.route else None


def _waits(state: ModelState) -> tuple[str, str] | None:
    """What keeps pods from coming, and the mend: a reason and the end of a sentence."""
    refused = next((w.refused for w in state.workloads if w.refused), None)
    if refused is not None:
        text = f"the API server refuses more: {refused}. Raise the quota, or mend what is refused."
        return "PodsRefused", text
    pods = [p for w in state.workloads for p in w.pods if not p.terminating]
    waiting = sorted({p.waiting_reason for p in pods if p.waiting_reason})
    if not waiting:
        return None
    said = next((f" It said: {p.last_words}" for p in pods if p.last_words), "")
    mend = _WAITING_MENDS.get(waiting[0], "kubectl describe tells more of the pod")
    return "PodsWaiting", f"the kubelet says {', '.join(waiting)}: {mend}.{said}"


def reconciling(
    state: ModelState, targets: Iterable[Target], act: bool, backends: Sequence[Backend] = ()
) -> Condition:
    """Reconciling: the cluster is not yet as the plan has it; `backends` is what the route is to
    list."""
    wanted = {t.key: t.replicas for t in targets}
    if not act:
        return Condition("Reconciling", FALSE, "NotActing", "The plan is reported and not applied.")
    for workload in state.workloads:
        goal = wanted.get(workload.key, 0)
        # In a rollout all that were asked for may serve, beside one that never will.
        if workload.replicas != goal or workload.ready != goal or len(workload.pods) != goal:
            text = f"{workload.key} is on its way to {goal} replicas."
            # An old pod goes on serving, so that Ready says nothing of a rollout that never ends.
            reason, why = _waits(state) or ("Scaling", "")
            return Condition("Reconciling", TRUE, reason, f"{text} But {why}" if why else text)
    missing = [k for k in wanted if not any(w.key == k for w in state.workloads)]
    if missing:
        text = f"{missing[0]} is being created."
        return Condition("Reconciling", TRUE, "Creating", text)
    if state.route is not None and not _routed(state.route, backends):
        text = "The route, or the gateway that takes it, is not yet as planned."
        return Condition("Reconciling", TRUE, "Routing", text)
    return Condition("Reconciling", FALSE, "Settled", "The cluster is as planned.")


def _routed(route: Route, backends: Sequence[Backend]) -> bool:
    """Whether the route lists what it is to list; weights move with the load, and are no news."""
    if route.trouble and route.trouble.lasting:
        return True  # Stalled says so, and nothing is on its way
    return route.taken and [b.key for b in route.backends] == [b.key for b in backends]


def metrics_available(state: ModelState) -> Condition:
    """MetricsAvailable: the arrival rate is known."""
    reading: Reading = state.readings.arrival_rate
    if not any(w.ready for w in state.workloads):
        text = "No pod is Ready yet, so there is nothing to read."
        return Condition("MetricsAvailable", UNKNOWN, "NoReadyPods", text)
    match reading:
        case Missing(reason="Warming" as reason, message=message):
            # Every model begins so: two scrapes of its first pod make the first rate.
            return Condition("MetricsAvailable", UNKNOWN, reason, message)
        case Missing(reason=reason, message=message):
            return Condition("MetricsAvailable", FALSE, reason, message + _counted(state))
        case Stale():
            text = (
                "The newest sample is too old to act on; the fleet is held and never shrinks. See"
                " whether Prometheus still scrapes the pods, and how often."
            )
            return Condition("MetricsAvailable", FALSE, "MetricsStale", text + _counted(state))
        case NoTraffic():
            text = "Metrics are fresh; no request arrives."
            return Condition("MetricsAvailable", TRUE, "NoTraffic", text)
        case _:
            return Condition("MetricsAvailable", TRUE, "MetricsFound", "Metrics are fresh.")


def _counted(state: ModelState) -> str:
    """Without a figure, which would be news at every tick."""
    if state.readings.counted is None:
        return ""
    return " Meanwhile its pods are asked what arrives: on more than before the fleet grows."


def slo_met(
    state: ModelState,
    memory: ModelMemory,
    latency: Latency,
    choice: Choice | None,
    targets: Iterable[Target],
    late: str,
) -> Condition:
    """SLOMet: the latency percentile is within its target, as far as can be said. Requests that are
    refused or fail count as late.

    `late`: what becomes of a latency above its target; see mend.lateness.
    """
    slo = state.spec.slo
    name, target = f"p{slo.percentile:g}", ms(slo.target_s)
    how = how_read(latency.source, latency.estimated)
    note = f" {latency.note}" if latency.note else ""
    if choice is not None and choice.granted == 0 and choice.wanted == 0:
        return Condition("SLOMet", UNKNOWN, "ScaledToZero", _RAISE_MANUAL)
    if choice is not None and choice.granted == 0:
        text = f"No replica may run: {shortage(choice)}"
        return Condition("SLOMet", FALSE, "NoCapacity", text)
    if choice is not None and not any(t.replicas for t in targets):
        # Granted, and nowhere to run it.
        return Condition("SLOMet", FALSE, "NoCapacity", f"No replica runs. {late}")
    if memory.slo_met is False and fails_too_often(state, broken=True):
        share, allowed = state.readings.failed_share, 1.0 - slo.percentile / 100.0
        text = (
            f"{percent(share)} of the requests are refused or fail, and {name} allows"
            f" {percent(allowed)} to be late. {late}"
        )
        return Condition("SLOMet", FALSE, "RequestsFail", text)
    if memory.slo_met is False:
        text = f"{name} is above its target of {target} ({how}). {late}{note}"
        return Condition("SLOMet", FALSE, "LatencyAboveTarget", text)
    if choice is not None and choice.short:
        return Condition("SLOMet", FALSE, "CapacityShort", shortage(choice))
    if memory.slo_met is True:
        text = f"{name} is within its target of {target} ({how}).{note}"
        return Condition("SLOMet", TRUE, "LatencyWithinTarget", text)
    if _nothing_asked(state):
        return Condition("SLOMet", TRUE, "NoTraffic", "No request arrives, so none is late.")
    if _nothing_executes(state):
        text = "Every request was answered from a response cache, so none waited for an execution."
        return Condition("SLOMet", TRUE, "AllFromCaches", text)
    match state.readings.latency_s:
        case Missing(reason=reason, message=message) if not state.readings.latency_estimated:
            return Condition("SLOMet", UNKNOWN, reason, message)
        case _:
            text = (
                "No latency could be read; replicas follow the predicted one. Give a source in"
                " spec.latencySource if there is another."
            )
            return Condition("SLOMet", UNKNOWN, "LatencyUnknown", text)


def _nothing_asked(state: ModelState) -> bool:
    """The window of a latency may have ended where the rates' still holds the last requests."""
    readings = state.readings
    if isinstance(readings.arrival_rate, NoTraffic):
        return True
    return isinstance(readings.latency_s, NoTraffic) and not value_or_none(readings.pending)


def _nothing_executes(state: ModelState) -> bool:
    readings = state.readings
    still = [isinstance(w.batch_rate, NoTraffic) for w in readings.workloads]
    return bool(readings.hit_share) and bool(still) and all(still)


def within_budget(
    state: ModelState,
    snapshot: Snapshot,
    budget: Decimal | None,
    shared: Decimal | None,
    choice: Choice | None,
) -> Condition:
    """WithinBudget: what runs costs no more than was allowed.

    shared: what all that exists on the model's shared budget costs; None where it names none.
    """
    spent = running_cost(state, snapshot.accelerator_classes)
    if state.spec.budget_ref is not None and budget_key(state.spec) not in snapshot.budgets:
        name = state.spec.budget_ref
        text = f"spec.budgetRef: there is no InferenceBudget {name!r} in this namespace: create it."
        return Condition("WithinBudget", UNKNOWN, "BudgetMissing", text)
    if spent is None or (choice is not None and choice.option.price_per_hour is None):
        names = unpriced_classes(state, snapshot.accelerator_classes)
        if choice is not None and choice.option.price_per_hour is None:
            names.add(choice.option.key.accelerator_class)
        text = (
            f"AcceleratorClass {', '.join(sorted(names))} has no spec.pricePerHour:"
            " nothing grows on it until it has one."
        )
        return Condition("WithinBudget", UNKNOWN, "PriceUnknown", text)
    if budget is None:
        return Condition("WithinBudget", TRUE, "NoBudget", "No budget was set.")
    if spent > budget:
        text = (
            f"What runs or leaves costs ${spent:f}/h, more than the budget of ${budget:f}/h: the"
            " fleet shrinks to it. Raise spec.budget.perHour or the InferenceBudget to keep it."
        )
        return Condition("WithinBudget", FALSE, "OverBudget", text)
    if shared is not None and shared > snapshot.budgets[budget_key(state.spec)].per_hour:
        text = (
            f"All that runs on InferenceBudget {state.spec.budget_ref} costs ${shared:f}/h, more"
            " than it allows: its models shrink by priority. Raise its spec.perHour to keep them."
        )
        return Condition("WithinBudget", FALSE, "SharedBudgetExceeded", text)
    if choice is not None and choice.bound in {"Budget", "SharedBudget"}:
        text = (
            f"The budget of ${budget:f}/h holds the fleet below what the load asks for:"
            f" {bound_mend(choice.bound)}."
        )
        return Condition("WithinBudget", TRUE, "BudgetBinds", text)
    return Condition("WithinBudget", TRUE, "UnderBudget", f"Within ${budget:f}/h.")


def unrouted(state: ModelState) -> Condition:
    """Stalled where a gateway cannot route and will not by itself."""
    trouble = _route_trouble(state)
    if trouble is None or not trouble.lasting:
        return stalled()
    return stalled(trouble.reason, trouble.message)


def stalled(reason: str | None = None, message: str = "") -> Condition:
    """Stalled: nothing will move until somebody mends something."""
    if reason is None:
        return Condition("Stalled", FALSE, "Progressing", "Nothing stands in the way.")
    return Condition("Stalled", TRUE, reason, message)


def rolling_out(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions of a plan whose Deployments are not all rolled out.

    Said from the write on: between it and the first new pod the old ones look settled, and who
    waits for a new image (a sync wave of Argo CD, dependsOn of Flux) would go on too early.
    """
    told = tuple(conditions)
    if any(c.type == "Reconciling" and c.status is TRUE for c in told):
        return told  # and says more of it
    text = "Not all pods are of the newest template yet."
    return with_conditions(told, Condition("Reconciling", TRUE, "RollingOut", text))


def halted(conditions: Iterable[Condition], stall: Condition) -> tuple[Condition, ...]:
    """The conditions of a plan that could not be applied: nothing is on its way, so that whoever
    waits for the end of Reconciling (Flux, `kubectl wait`) sees Stalled and not a progress that
    never ends."""
    ended = Condition("Reconciling", FALSE, stall.reason, "The plan is not applied: see Stalled.")
    return with_conditions(conditions, ended, stall)


def with_conditions(conditions: Iterable[Condition], *others: Condition) -> tuple[Condition, ...]:
    """The conditions, with others in the place of those of their type."""
    return tuple(({c.type: c for c in conditions} | {c.type: c for c in others}).values())
