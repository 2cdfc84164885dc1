"""Which transitions of a status are worth an Event. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.control.status_read import read_status
from trimtab.core import agreement, compression

_GOOD_WHEN_TRUE = frozenset(
    {
        "Ready",
        "MetricsAvailable",
        "SLOMet",
        "WithinBudget",
        compression.CONDITION,
        agreement.CONDITION,
    }
)
# Of these the way to True is the news itself, and not the mend of a trouble.
_NEWS = frozenset({compression.CONDITION, agreement.CONDITION})
_BAD_WHEN_TRUE = frozenset({"Stalled"})


@dataclass(frozen=True, slots=True)
class Note:
    """One Event: `type` is Normal or Warning, `reason` one CamelCase word."""

    type: str
    reason: str
    message: str


def transitions(new: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Note]:
    """The Events of a status that replaces another: moves, and verdicts that turned."""
    decision, before = new.get("decision") or {}, live.get("decision") or {}
    action = decision.get("action")
    if action not in (None, "Hold") and (action, _goal(new)) != (before.get("action"), _goal(live)):
        told = read_status("", new)
        yield Note("Normal", action, told.sentence if told else "")
    old = {c["type"]: c for c in live.get("conditions") or ()}
    for condition in new.get("conditions") or ():
        note = _turned(condition, old.get(condition["type"]))
        if note is not None:
            yield note


def _turned(condition: Mapping[str, Any], before: Mapping[str, Any] | None) -> Note | None:
    kind, status = condition["type"], condition["status"]
    was = before["status"] if before else None
    if status == was and (before or {}).get("reason") == condition["reason"]:
        return None
    bad = (kind in _GOOD_WHEN_TRUE and status == "False") or (
        kind in _BAD_WHEN_TRUE and status == "True"
    )
    if bad and condition["reason"] not in _EXPECTED:
        return Note("Warning", condition["reason"], f"{kind}={status}: {condition['message']}")
    news = was != "Unknown" or kind in _NEWS
    recovered = was is not None and was != status and news and not bad
    if recovered and kind in _GOOD_WHEN_TRUE | _BAD_WHEN_TRUE and status != "Unknown":
        return Note("Normal", condition["reason"], f"{kind}={status}: {condition['message']}")
    return None


# Every model is without pods when it begins; that is no warning.
_EXPECTED = frozenset({"NoReplicas", "Starting"})


def _goal(status: Mapping[str, Any]) -> Any:
    return (status.get("summary") or {}).get("replicas")
