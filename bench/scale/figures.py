"""Figures from what was noted: ticks, requests to the API server, CPU time. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Tick:
    """One turn of the loop: when it ended (epoch seconds), how long it took, and the process's CPU
    time until then. `decided`: whether one has come to a decision by then."""

    at_s: float
    seconds: float
    cpu_s: float
    decided: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the operator to the API server, and when it was answered (epoch seconds)."""

    at_s: float
    verb: str
    resource: str

    @property
    def renews(self) -> bool:
        """Whether it keeps the Lease, every two seconds whatever else happens."""
        return self.resource == "leases"

    @property
    def writes(self) -> bool:
        return self.verb not in _READS and not self.renews


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a run, between two looks at the process: time and CPU time, in seconds."""

    start_s: float
    end_s: float
    start_cpu_s: float
    end_cpu_s: float

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return (self.end_cpu_s - self.start_cpu_s) / (self.end_s - self.start_s)


def ticks_of(lines: Iterable[str]) -> list[Tick]:
    """The ticks that bench.scale.operator wrote down."""
    read = (json.loads(line) for line in lines)
    return [Tick(t["at_s"], t["seconds"], t["cpu_s"], t["decided_s"] > 0) for t in read]


def request_of(line: str) -> Request | None:
    """A line of the audit log; None where it is a watch's end, of which its start was told."""
    event = json.loads(line)
    begins = event["stage"] == "ResponseStarted"
    if (event["verb"] == "watch") != begins:
        return None
    at_s = datetime.fromisoformat(event["stageTimestamp"]).timestamp()
    place = event.get("objectRef") or {}
    resource = "/".join(filter(None, (place.get("resource"), place.get("subresource"))))
    return Request(at_s, event["verb"], resource)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of the values that so many percent of them do not exceed; None of none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def watch_restarts(requests: Iterable[Request]) -> int:
    """Watches that were begun beyond the first of each resource."""
    begun = [r.resource for r in requests if r.verb == "watch"]
    return len(begun) - len(set(begun))


def full_plan_s(ticks: Iterable[Tick], started_s: float) -> float | None:
    """Seconds from the start of the process to the end of its first whole decision."""
    return next((t.at_s - started_s for t in ticks if t.decided), None)


def figures_of(span: Span, ticks: Iterable[Tick], requests: Iterable[Request]) -> dict[str, Any]:
    """Of one stretch: ticks, requests per second and the share of a core."""
    took = [t.seconds for t in ticks if span.start_s <= t.at_s - t.seconds and t.at_s <= span.end_s]
    asked = [r for r in requests if span.start_s <= r.at_s <= span.end_s]
    seconds = span.end_s - span.start_s
    written: dict[str, int] = {}
    for request in asked:
        if request.writes:
            what = f"{request.verb} {request.resource}"
            written[what] = written.get(what, 0) + 1
    return {
        "seconds": round(seconds, 1),
        "ticks": len(took),
        "tick_seconds_p50": _rounded(percentile(took, 50)),
        "tick_seconds_p99": _rounded(percentile(took, 99)),
        "api_requests_per_second": {
            "reads": round(sum(r.verb in _READS for r in asked) / seconds, 3),
            "writes": round(sum(r.writes for r in asked) / seconds, 3),
            "lease": round(sum(r.renews for r in asked) / seconds, 3),
        },
        "writes": dict(sorted(written.items())),
        "cpu_share": round(span.cpu_share, 4),
    }


def rows(results: Mapping[str, Any]) -> str:
    """The results as a table of two columns, for people."""
    lines = []
    for name, value in results.items():
        if isinstance(value, Mapping):
            lines += [f"{name}.{k}: {v}" for k, v in value.items()]
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
