"""A decision as the status of its ModelDeployment, and whether it is worth a write. Pure.

Every write of a status is a watch event for everybody and an entry in etcd, so figures that move
with each reading are written once they are off by a tenth, at most once a minute, and transitions
at once.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from trimtab.control.agreements import agreements_status
from trimtab.control.compression import compression_status
from trimtab.core.compression import Compressed, compression_condition
from trimtab.core.explain import Explanation, Way
from trimtab.core.plan import Condition, ConditionStatus
from trimtab.core.snapshot import ModelState, Workload
from trimtab.core.units import iso, money, ms

MOVING_PERIOD_S = 60.0
_FIGURES_A_TICK = 20
_TOLD_WITHIN = 0.1
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?")  # no part of a name such as fp16
_NAMES = frozenset({"variant", "acceleratorClass"})
_SENTENCE, _SHORT = 1024, 64

Status = dict[str, Any]


def build_status(
    state: ModelState,
    told: Explanation,
    previous: Mapping[str, Any],
    now_s: float,
    compressed: Compressed | None = None,
) -> Status:
    """The whole status of a model that was decided on.

    `compressed`: where a Job makes variants of it.
    """
    workloads = [w for w in state.workloads if w.replicas or w.pods]
    weights = {w.key: w.weight for w in told.decided}
    conditions, optional = told.conditions, {}
    if compressed is not None:
        conditions = (*conditions, compression_condition(compressed))
        optional["compression"] = compression_status(compressed)
    if told.hit_share is not None:
        optional["responseCache"] = {"hitShare": told.hit_share}
    if state.spec.output_check is not None:
        optional["outputCheck"] = agreements_status(state)
    return {
        "observedGeneration": state.spec.generation,
        "replicas": sum(w.alive for w in workloads),
        "selector": f"trimtab.dev/model-deployment={state.spec.key.name}",
        "conditions": merge_conditions(
            conditions, previous.get("conditions") or (), state.spec.generation, now_s
        ),
        "variants": [_variant(w, weights.get(w.key) or 0) for w in workloads],
        "latency": _without_none(
            {
                "observed": told.observed,
                "predicted": told.predicted,
                "target": ms(state.spec.slo.target_s),
                "source": told.source,
                "estimated": told.estimated if told.observed else None,
            }
        ),
        "cost": _without_none(
            {"perHour": _amount(told.cost_per_hour), "budgetPerHour": _amount(told.budget_per_hour)}
        ),
        "decision": _decision(told, previous.get("decision") or {}),
        "summary": _summary(told, workloads),
        **optional,
    }


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
        kept["Reconciling"] = kept["Reconciling"]._replace(
            status=ConditionStatus.FALSE, reason="InvalidSpec"
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


class News(enum.Enum):
    """What a status says that the live one does not."""

    NONE = "None"
    FIGURES = "Figures"
    TRANSITION = "Transition"


def news_of(new: Mapping[str, Any], live: Mapping[str, Any]) -> News:
    """What is new in a status."""
    if new == live:
        return News.NONE
    if _steady(new) != _steady(live):
        return News.TRANSITION
    return News.FIGURES if _moved(new, live) else News.NONE


def _moved(new: Any, live: Any) -> bool:
    """Whether anything is told otherwise, or a figure is off by more than a tenth of what is told.

    A load that rests is measured a little higher and lower all the time: told to the last digit,
    those of a thousand models at rest were three hundred writes a minute.
    """
    if isinstance(new, Mapping) and isinstance(live, Mapping):
        return new.keys() != live.keys() or any(
            v != live[k] if k in _NAMES else _moved(v, live[k]) for k, v in new.items()
        )
    if isinstance(new, list) and isinstance(live, list):
        return len(new) != len(live) or any(map(_moved, new, live))
    if isinstance(new, str) and isinstance(live, str):
        return new != live and _tells_otherwise(new, live)
    return bool(new != live)


def _tells_otherwise(new: str, live: str) -> bool:
    if _TIME.fullmatch(new) and _TIME.fullmatch(live):
        apart = datetime.fromisoformat(new) - datetime.fromisoformat(live)
        return abs(apart.total_seconds()) > MOVING_PERIOD_S
    if _NUMBER.sub("#", new) != _NUMBER.sub("#", live):
        return True
    pairs = zip(_NUMBER.findall(new), _NUMBER.findall(live), strict=True)
    return any(_apart(float(a), float(b)) for a, b in pairs)


def _apart(new: float, live: float) -> bool:
    return abs(new - live) > _TOLD_WITHIN * max(new, live)


class Figures:
    """Whose figures are written in this tick, where nothing but figures moved.

    Once a minute each, and of large fleets less often: a write takes the API server tens of
    milliseconds of a core, and those of a thousand models, all due in the minute after a start,
    held a decision up for half a minute.
    """

    def __init__(self) -> None:
        self._period_s = MOVING_PERIOD_S
        self._left = 0

    def begin(self, models: int, tick_s: float) -> None:
        """A tick over so many models begins."""
        self._left = _FIGURES_A_TICK
        self._period_s = max(MOVING_PERIOD_S, models / _FIGURES_A_TICK * tick_s)

    def are_due(self, seconds_since_write: float | None) -> bool:
        """Whether it is time for those of one model, last written so long ago (None: never)."""
        # Below zero the clock went back since: what the old one wrote may be an hour ahead.
        return seconds_since_write is None or not 0.0 <= seconds_since_write < self._period_s

    def take(self, seconds_since_write: float | None) -> bool:
        """Whether those of one model are written: they are due, and it is its turn."""
        if not self.are_due(seconds_since_write) or not self._left:
            return False
        self._left -= 1
        return True


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
        status.get("compression"),
        _answers(status),
        (status.get("latency") or {}).get("source"),
        decision.get("action"),
        decision.get("binding"),
        [c.get("name") for c in decision.get("constraints") or ()],
        # Of a fleet that is only advised on, nothing but this moves with the advice.
        [(w.get("variant"), w.get("replicas")) for w in decision.get("decided") or ()],
    )


def _answers(status: Mapping[str, Any]) -> Any:
    """What was answered, without when and by which pod: the same answer again is no transition."""
    workloads = (status.get("outputCheck") or {}).get("workloads") or ()
    moving = ("time", "podTemplate")
    return [{k: v for k, v in entry.items() if k not in moving} for entry in workloads]


def _summary(told: Explanation, workloads: Sequence[Workload]) -> dict[str, str]:
    name = told.promise.partition(" ")[0]
    wanted = sum(way.replicas or 0 for way in told.decided)
    about = "~" if told.estimated else ""
    return {
        "latency": f"{name} {about}{told.observed}" if told.observed else "-",
        "slo": told.promise,
        "variants": ", ".join(sorted({w.key.variant for w in workloads})) or "-",
        "replicas": f"{sum(w.ready for w in workloads)}/{wanted}",
        "cost": money(told.cost_per_hour),
    }


def _decision(told: Explanation, previous: Mapping[str, Any]) -> dict[str, Any]:
    """The decision; its time is when its action or its reason last changed."""
    same = (previous.get("action"), previous.get("binding")) == (told.action, told.binding)
    return _without_none(
        {
            "time": previous.get("time") if same and previous.get("time") else told.time,
            "action": told.action,
            "summary": told.summary[:_SENTENCE],
            "wanted": told.wanted and _way(told.wanted),
            "decided": [_way(way) for way in told.decided],
            "demandRate": told.demand,
            "constraints": [
                {"name": c.name[:_SHORT], "effect": c.effect[:_SENTENCE]} for c in told.constraints
            ],
            "binding": told.binding,
            "alternatives": [
                {**_way(way), "whyNot": way.why_not[:_SENTENCE]} for way in told.alternatives
            ],
            "gap": told.gap,
            "nextChangeAllowedAt": told.next_change_at,
        }
    )


def _way(way: Way) -> dict[str, Any]:
    return _without_none(
        {
            "variant": way.key.variant,
            "acceleratorClass": way.key.accelerator_class,
            "replicas": way.replicas,
            "costPerHour": _amount(way.cost_per_hour),
            "accuracy": _amount(way.accuracy),
            "weight": way.weight,
        }
    )


def _variant(workload: Workload, weight: int) -> dict[str, Any]:
    return {
        "name": workload.key.variant,
        "acceleratorClass": workload.key.accelerator_class,
        "replicas": workload.replicas,
        "readyReplicas": workload.ready,
        "weight": weight,
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if v is not None}
