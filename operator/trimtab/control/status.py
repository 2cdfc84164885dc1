"""A plan as the status of its ModelDeployment, and whether it is worth a write. Pure.

Every write of a status is a watch event for everybody and an entry in etcd, so figures that move
with each reading are written at most once a minute, and transitions at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trimtab.core.plan import Condition, ConditionStatus, ModelPlan
from trimtab.core.snapshot import ModelState, Workload
from trimtab.core.units import money, ms, rate

MOVING_PERIOD_S = 60.0
_SENTENCE, _SHORT = 1024, 64

Status = dict[str, Any]


def build_status(
    state: ModelState, plan: ModelPlan, previous: Mapping[str, Any], now_s: float
) -> Status:
    """The whole status of a model that was decided on."""
    workloads = [w for w in state.workloads if w.replicas or w.pods]
    conditions = merge_conditions(
        plan.conditions, previous.get("conditions") or (), state.spec.generation, now_s
    )
    slo, latency = state.spec.slo, plan.latency
    name = f"p{slo.percentile:g}"
    wanted = sum(t.replicas for t in plan.targets)
    observed = None if latency.observed_s is None else _two_digits(latency.observed_s)
    status: Status = {
        "observedGeneration": state.spec.generation,
        "replicas": sum(_alive(w) for w in workloads),
        "selector": f"trimtab.dev/model-deployment={state.spec.key.name}",
        "conditions": conditions,
        "variants": [_variant(w, plan) for w in workloads],
        "latency": _without_none(
            {
                "observed": observed,
                "predicted": _finite(latency.predicted_s),
                "target": ms(slo.target_s),
                "source": latency.source,
                "estimated": latency.estimated if observed else None,
            }
        ),
        "cost": _without_none(
            {
                "perHour": None if plan.cost_per_hour is None else f"{plan.cost_per_hour:f}",
                "budgetPerHour": (
                    None if plan.budget_per_hour is None else f"{plan.budget_per_hour:f}"
                ),
            }
        ),
        "decision": _decision(plan, previous.get("decision") or {}, now_s),
        "summary": {
            "latency": f"{name} {'~' if latency.estimated else ''}{observed}" if observed else "-",
            "slo": f"{name} {ms(slo.target_s)}",
            "variants": ", ".join(sorted({w.key.variant for w in workloads})) or "-",
            "replicas": f"{sum(w.ready for w in workloads)}/{wanted}",
            "cost": money(plan.cost_per_hour),
        },
    }
    return status


def build_problem_status(
    spec_generation: int,
    previous: Mapping[str, Any],
    problem: Condition,
    now_s: float,
) -> Status:
    """The status of a ModelDeployment that cannot be acted on: all else stays as it was.

    What ran keeps running, so what was said of it stays true; only Stalled is new, and Reconciling
    ends.
    """
    kept = {
        c["type"]: Condition(c["type"], c["status"], c["reason"], c["message"])
        for c in previous.get("conditions") or ()
    }
    kept["Stalled"] = problem
    if "Reconciling" in kept:
        kept["Reconciling"] = replace(
            kept["Reconciling"], status=ConditionStatus.FALSE, reason="InvalidSpec"
        )
    unknown = Condition("Ready", ConditionStatus.UNKNOWN, "InvalidSpec", problem.message)
    kept.setdefault("Ready", unknown)
    merged = merge_conditions(
        tuple(kept.values()), previous.get("conditions") or (), spec_generation, now_s
    )
    return {**previous, "observedGeneration": spec_generation, "conditions": merged}


def merge_conditions(
    new: Sequence[Condition],
    previous: Sequence[Mapping[str, Any]],
    generation: int,
    now_s: float,
) -> list[dict[str, Any]]:
    """Conditions with their times: a time moves only when the verdict does."""
    before = {c["type"]: c for c in previous}
    merged = []
    for condition in new:
        old = before.get(condition.type)
        same = old is not None and old.get("status") == str(condition.status)
        merged.append(
            {
                "type": condition.type,
                "status": str(condition.status),
                "reason": condition.reason,
                "message": condition.message[:_SENTENCE],
                "observedGeneration": generation,
                "lastTransitionTime": old["lastTransitionTime"] if old and same else iso(now_s),
            }
        )
    return merged


def needs_write(
    new: Mapping[str, Any], live: Mapping[str, Any], seconds_since_write: float | None
) -> bool:
    """True on a transition, and once a minute where only figures moved."""
    if new == live:
        return False
    if _steady(new) != _steady(live):
        return True
    return seconds_since_write is None or seconds_since_write >= MOVING_PERIOD_S


def iso(at_s: float) -> str:
    """Seconds since the epoch as Kubernetes writes times."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _steady(status: Mapping[str, Any]) -> Any:
    """The part of a status whose change is a transition."""
    decision = status.get("decision") or {}
    return (
        status.get("observedGeneration"),
        status.get("replicas"),
        # Not the messages: what a load asks for moves with it.
        [(c.get("type"), c.get("status"), c.get("reason")) for c in status.get("conditions") or ()],
        status.get("variants"),
        status.get("cost"),
        (status.get("latency") or {}).get("source"),
        decision.get("action"),
        decision.get("binding"),
        [c.get("name") for c in decision.get("constraints") or ()],
    )


def _decision(plan: ModelPlan, previous: Mapping[str, Any], now_s: float) -> dict[str, Any]:
    """The decision; its time is when its action or its reason last changed."""
    decision = plan.decision
    same = (previous.get("action"), previous.get("binding")) == (decision.action, decision.binding)
    next_at = decision.next_change_allowed_at_s
    wanted = decision.wanted
    return _without_none(
        {
            "time": previous.get("time") if same and previous.get("time") else iso(now_s),
            "action": decision.action,
            "summary": decision.summary[:_SENTENCE],
            "wanted": wanted
            and _without_none(
                {
                    "variant": wanted.variant,
                    "acceleratorClass": wanted.accelerator_class,
                    "replicas": decision.wanted_replicas,
                }
            ),
            "demandRate": None if decision.demand_rate is None else rate(decision.demand_rate),
            "constraints": [
                {"name": c.name[:_SHORT], "effect": c.effect[:_SENTENCE]}
                for c in decision.constraints
            ],
            "binding": decision.binding,
            "alternatives": [
                _without_none(
                    {
                        "variant": a.key.variant,
                        "acceleratorClass": a.key.accelerator_class,
                        "replicas": a.replicas,
                        "costPerHour": None if a.cost_per_hour is None else f"{a.cost_per_hour:f}",
                        "accuracy": f"{a.accuracy:f}",
                        "whyNot": a.why_not[:_SENTENCE],
                    }
                )
                for a in decision.alternatives
            ],
            "nextChangeAllowedAt": None if next_at is None else iso(next_at),
        }
    )


def _variant(workload: Workload, plan: ModelPlan) -> dict[str, Any]:
    weight = next((t.weight for t in plan.targets if t.key == workload.key), 0)
    return {
        "name": workload.key.variant,
        "acceleratorClass": workload.key.accelerator_class,
        "replicas": workload.replicas,
        "readyReplicas": workload.ready,
        "weight": weight,
    }


def _alive(workload: Workload) -> int:
    return sum(1 for p in workload.pods if not p.terminating)


def _two_digits(seconds: float) -> str:
    """Coarse on purpose: 41.2 ms and 41.4 ms are no news."""
    return ms(float(f"{seconds:.2g}"))


def _finite(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return "saturated" if seconds == float("inf") else _two_digits(seconds)


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if v is not None}
