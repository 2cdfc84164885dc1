"""What a scaling rule sees and answers in a simulated run: the same for trimtab and its peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from trimtab.api.resources import ObjectKey
from trimtab.core.plan import Plan, Target
from trimtab.core.snapshot import Snapshot

Targets = Mapping[ObjectKey, tuple[Target, ...]]


class Metrics(Protocol):
    """Windowed queries over what was scraped, of live pods; None where no sample tells.

    A window is in seconds and ends at the newest scrape. `rate`: requests per second that arrived.
    `concurrency`: mean requests in the server, waiting or running. `queue_time_s`: mean seconds a
    request waited. `latency_s`: that percentile (0 to 100) of the answered requests.
    """

    def rate(self, model: ObjectKey, window_s: float) -> float | None: ...

    def concurrency(self, model: ObjectKey, window_s: float) -> float | None: ...

    def queue_time_s(self, model: ObjectKey, window_s: float) -> float | None: ...

    def latency_s(self, model: ObjectKey, percentile: float, window_s: float) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One tick's view: the operator's snapshot, and the metrics that peers' rules ask for."""

    snapshot: Snapshot
    metrics: Metrics


class Policy(Protocol):
    """A scaling rule. `start` is asked once, with readings of the first minute's rate and no pods:
    what it answers stands ready at the first second. `tick` is asked every tick after; a workload
    that its answer leaves out is removed."""

    def start(self, seen: Seen, now_s: float) -> Targets: ...

    def tick(self, seen: Seen, now_s: float) -> Targets: ...


@runtime_checkable
class Explains(Protocol):
    """A policy that keeps the reasons of its last answer."""

    @property
    def plan(self) -> Plan | None: ...
