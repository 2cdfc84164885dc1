"""A status back into the words it was written from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from trimtab.api.problems import without_nulls
from trimtab.api.resources import RawObject
from trimtab.api.schema_status import ModelDeploymentStatus
from trimtab.core.explain import Explanation, Way
from trimtab.core.plan import Condition, ConditionStatus, Constraint
from trimtab.core.snapshot import WorkloadKey


def usable_status(status: Any) -> dict[str, Any]:
    """The status without the fields that are not of this version's schema.

    Somebody else, or another version, wrote them. What was kept of them would be written again, be
    refused by the API server, and hide the very trouble that was to be told.
    """
    if not isinstance(status, Mapping):
        return {}
    found: dict[str, Any] = without_nulls(status)
    try:
        ModelDeploymentStatus.model_validate(found, by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = {line["loc"][0] for line in error.errors(include_url=False)}
        return {name: value for name, value in found.items() if name not in wrong}
    return found


def read_status(name: str, status: RawObject) -> Explanation | None:
    """What the status of that ModelDeployment explains; None where nothing was decided yet.

    An older version may have written it: what is absent or unreadable is None.
    """
    decision = status.get("decision") or {}
    if not decision.get("action"):
        return None
    latency, cost = status.get("latency") or {}, status.get("cost") or {}
    cache = status.get("responseCache") or {}
    return Explanation(
        name=name,
        time=str(decision.get("time", "")),
        action=str(decision["action"]),
        summary=str(decision.get("summary", "")),
        promise=str((status.get("summary") or {}).get("slo", "")),
        observed=latency.get("observed"),
        source=latency.get("source"),
        estimated=bool(latency.get("estimated")),
        predicted=latency.get("predicted"),
        cost_per_hour=_amount(cost.get("perHour")),
        budget_per_hour=_amount(cost.get("budgetPerHour")),
        demand=decision.get("demandRate"),
        wanted=_way(decision["wanted"]) if decision.get("wanted") else None,
        decided=tuple(_way(w) for w in decision.get("decided") or ()),
        constraints=tuple(
            Constraint(str(c.get("name", "")), str(c.get("effect", "")))
            for c in decision.get("constraints") or ()
        ),
        binding=decision.get("binding"),
        alternatives=tuple(_way(w) for w in decision.get("alternatives") or ()),
        gap=decision.get("gap"),
        next_change_at=decision.get("nextChangeAllowedAt"),
        conditions=tuple(
            Condition(c["type"], ConditionStatus(c["status"]), c["reason"], c["message"])
            for c in status.get("conditions") or ()
        ),
        hit_share=cache.get("hitShare"),
    )


def _way(way: Mapping[str, Any]) -> Way:
    return Way(
        WorkloadKey(str(way.get("variant", "")), str(way.get("acceleratorClass", ""))),
        way.get("replicas"),
        _amount(way.get("costPerHour")),
        _amount(way.get("accuracy")),
        way.get("weight"),
        str(way.get("whyNot", "")),
    )


def _amount(text: Any) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except (InvalidOperation, TypeError):
        return None
