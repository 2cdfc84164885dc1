"""trimtab's own metrics, on a registry of their own; series go with their object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from trimtab.control.model_series import ModelSeries
from trimtab.control.slo_time import SloTime
from trimtab.core.plan import Plan
from trimtab.core.snapshot import Snapshot
from trimtab.observe.errors import PrometheusError

# What an API server answers at some time in every cluster's life (metav1.StatusReason).
_API_REASONS = (
    *("Unauthorized", "Forbidden", "NotFound", "Conflict", "Invalid", "TooManyRequests"),
    *("InternalError", "ServiceUnavailable", "Timeout"),
)


class Metrics:
    """What the operator measures of itself. Labels are bounded by the objects that exist."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.tick_seconds = Histogram(
            "trimtab_tick_seconds",
            "Seconds one whole decision took, readings and writes included.",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=r,
        )
        self.last_tick = Gauge(
            "trimtab_last_tick_timestamp_seconds", "When a decision last completed.", registry=r
        )
        self.writes = Counter(
            "trimtab_api_writes", "Writes to the API server.", ("kind",), registry=r
        )
        self.errors = Counter(
            "trimtab_errors", "Failed calls, by side and reason.", ("side", "reason"), registry=r
        )
        for side, reason in _known_errors():
            self.errors.labels(side, reason)
        self.decisions = Counter(
            "trimtab_decisions",
            "Decisions by action and binding rule.",
            ("action", "binding"),
            registry=r,
        )
        self.leader = Gauge(
            "trimtab_leader", "1 where this replica leads, 0 where it stands by.", registry=r
        )
        self.lease_transitions = Gauge(
            "trimtab_lease_transitions", "Times the Lease went to another holder.", registry=r
        )
        self._models, self._slo_time = ModelSeries(), SloTime()
        r.register(self._models)
        r.register(self._slo_time)

    def exposition(self) -> Iterator[bytes]:
        """The exposition text, one family at a time: whoever sends it need not hold it all, and may
        do something else in between."""
        return (generate_latest(_Only(family)) for family in self.registry.collect())

    def show(self, plan: Plan, snapshot: Snapshot) -> None:
        """Replaces every per-model series by those of the plan: what is gone leaves no series."""
        self._models.shown = (plan, snapshot)
        self._slo_time.note(plan)

    def forget_models(self) -> None:
        """Leaves no per-model series: of two replicas that both show them, a sum counts double."""
        self._models.shown = None
        self._slo_time.forget()


def _known_errors() -> Iterator[tuple[str, str]]:
    """Those that are there at 0 from the start: of a counter that begins at 1, rate() never sees
    the first error."""
    yield "trimtab", "Bug"
    yield from (("kubernetes", reason) for reason in _API_REASONS)
    yield from (("prometheus", kind.reason) for kind in PrometheusError.__subclasses__())


class _Only(Collector):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)
