"""How long every model's SLO was judged, and for how long of that it was broken: the counters that
an error budget is reckoned with.

Of time and not of requests: only a histogram with a bucket at the target counts late requests, and
what Triton tells of itself is a percentile. Whether that is within its target can be said of every
latency source alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from trimtab.api.resources import ObjectKey
from trimtab.core.plan import Condition, ConditionStatus, Plan

_LONGEST_S = 60.0
"""What one verdict speaks for at most: it is of the requests of the last minute."""

# NoTraffic: kept by nobody asking; a night would pay for a broken day. CapacityShort: foreseen, and
# nothing that was measured.
_NOT_JUDGED = frozenset({"NoTraffic", "CapacityShort"})
_LABELS = ("namespace", "modeldeployment")


class SloTime(Collector):
    """Grows with every plan; a model that is gone leaves no series."""

    def __init__(self) -> None:
        self._judged: dict[ObjectKey, float] = {}
        self._broken: dict[ObjectKey, float] = {}
        self._noted_s: float | None = None

    def note(self, plan: Plan) -> None:
        """Counts the time since the last plan by the verdicts of this one. A model that is new
        begins at 0, or rate() would not see its first seconds."""
        last_s = plan.time_s if self._noted_s is None else self._noted_s
        passed_s = min(max(0.0, plan.time_s - last_s), _LONGEST_S)
        judged, broken = self._judged, self._broken
        self._judged, self._broken, self._noted_s = {}, {}, plan.time_s
        for key, of in plan.models.items():
            kept = _kept(of.conditions)
            added_s = passed_s if key in judged and kept is not None else 0.0
            self._judged[key] = judged.get(key, 0.0) + added_s
            self._broken[key] = broken.get(key, 0.0) + (0.0 if kept else added_s)

    def forget(self) -> None:
        """Begins anew: another decides meanwhile, and counts."""
        self._judged, self._broken, self._noted_s = {}, {}, None

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The families without their series."""
        return (family for family, _ in self._families())

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The seconds of every model."""
        for family, seconds in self._families():
            for key, value in seconds.items():
                family.add_metric((key.namespace, key.name), value)
            yield family

    def _families(self) -> Iterator[tuple[CounterMetricFamily, dict[ObjectKey, float]]]:
        for name, said, seconds in (
            (
                "trimtab_slo_judged_seconds",
                "Seconds with requests in which the SLO's percentile was measured.",
                self._judged,
            ),
            (
                "trimtab_slo_broken_seconds",
                "Of those, seconds in which it was not kept.",
                self._broken,
            ),
        ):
            yield CounterMetricFamily(name, said, labels=_LABELS), seconds


def _kept(conditions: Iterable[Condition]) -> bool | None:
    """Whether the SLO was kept; None where that was not measured."""
    for condition in conditions:
        if condition.type != "SLOMet" or condition.status is ConditionStatus.UNKNOWN:
            continue
        if condition.reason not in _NOT_JUDGED:
            return condition.status is ConditionStatus.TRUE
    return None
