"""The SLO's percentile as the gateway's histogram has it: what a client waits, but for its own
network. Pure.

Envoy Gateway names a cluster after the route, which is named like the model's Service; Istio labels
its histogram with the Service itself. Both are asked for, and the first that knows the model is
believed; they are never added up, nor are Istio's two reporters: a request that passes a gateway
and a waypoint is told by both.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence

from trimtab.api.resources import LatencySlo, ModelDeployment
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import LatencyBucket
from trimtab.core.units import ms
from trimtab.observe.gateway_queries import (
    ISTIO_NAMESPACE,
    ISTIO_SERVICE,
    GatewayMetric,
    services,
)
from trimtab.observe.histogram import (
    Histogram,
    MixedBuckets,
    Percentile,
    histogram_of,
    le_ms_of,
)
from trimtab.observe.percentile import Latency
from trimtab.observe.prometheus import Sample
from trimtab.observe.queries import ReadSettings
from trimtab.observe.table import Table

SOURCE = "GatewayHistogram"

_MIXED = Missing(
    "MixedBuckets",
    "The pods of the gateway have different buckets: wait until the change of them has rolled out.",
)


class _View(enum.Enum):
    """Who tells of a request, in the order in which they are believed."""

    ENVOY = "Envoy"
    ISTIO = "Istio"
    WAYPOINT = "Istio waypoint"


_REPORTER = {"source": _View.ISTIO, "waypoint": _View.WAYPOINT}
_QUERIES = {
    _View.ENVOY: (GatewayMetric.ENVOY_NEWEST, GatewayMetric.ENVOY_BUCKETS),
    _View.ISTIO: (GatewayMetric.ISTIO_NEWEST, GatewayMetric.ISTIO_BUCKETS),
    _View.WAYPOINT: (GatewayMetric.ISTIO_NEWEST, GatewayMetric.ISTIO_BUCKETS),
}
_Place = tuple[_View, str, str]  # namespace and name of a route or a Service


class GatewayTable(Table[GatewayMetric]):
    """The answers of `gateway_queries` by route and by Service."""

    METRICS = GatewayMetric

    def __init__(self, settings: ReadSettings) -> None:
        super().__init__(settings)
        self._newest: dict[_Place, float] = {}
        self._buckets: dict[_Place, dict[float, float]] = {}

    def _add(self, metric: GatewayMetric, samples: Sequence[Sample]) -> None:
        del metric  # the labels tell which it is
        for sample in samples:
            place, le = _place(sample.labels), sample.labels.get("le")
            if place is None:
                continue
            if le is None:
                self._newest[place] = sample.value
            elif (bound := _number(le)) is not None:
                self._buckets.setdefault(place, {})[bound] = sample.value

    def latency(self, spec: ModelDeployment, now_s: float) -> Latency:
        """The latency of the model at `now_s` (epoch seconds); Missing with what would mend it
        where no gateway knows the model."""
        found = [latency for view in _View if (latency := self._latency(spec, view, now_s))]
        return min(found, key=_doubt, default=_no_series(spec))

    def _latency(self, spec: ModelDeployment, view: _View, now_s: float) -> Latency | None:
        source = f"{SOURCE} ({view.value})"
        failed = next((e for m in _QUERIES[view] if (e := self.error(m))), None)
        if failed is not None:
            return Latency(failed, source)
        names = services(spec)[:1] if view is _View.ENVOY else services(spec)
        places = [(view, spec.key.namespace, name) for name in names]
        times = [self._newest[p] for p in places if p in self._newest]
        if not times:
            return None
        if now_s - max(times) > self.settings.stale_after_s:
            return Latency(Stale(now_s - max(times)), source)
        counts: dict[float, float] = {}
        for place in places:
            for le, count in self._buckets.get(place, {}).items():
                counts[le] = counts.get(le, 0.0) + count
        if math.inf not in counts:
            return Latency(self._too_short(), source)
        try:
            histogram = histogram_of(counts)
        except MixedBuckets:
            return Latency(_MIXED, source)
        if histogram is None:
            return Latency(NoTraffic(max(times)), source)
        return _read(histogram, spec.slo, source, max(times))

    def _too_short(self) -> Missing:
        return Missing(
            "WindowTooShort",
            "The gateway's histogram has fewer than two samples since its start in the window of "
            f"{self.settings.long_window_s:g} s: scrape more often or set a longer window.",
        )


def _read(histogram: Histogram, slo: LatencySlo, source: str, at_s: float) -> Latency:
    found = histogram.percentile(slo.percentile)
    late = histogram.late_share(slo.target_s)
    name = f"p{slo.percentile:g}"
    if math.isinf(found.high_s) and slo.target_s > found.low_s:
        text = (
            f"{name} is above the gateway's highest bucket, which ends at {ms(found.low_s)}: "
            f"{_mend(slo.target_s)}"
        )
        return Latency(Missing("AboveHighestBucket", text), source)
    bucket = LatencyBucket(found.low_s, late)
    reading: Reading = Known(found.value_s, at_s)
    if late is not None:
        return Latency(reading, source, bucket=bucket)
    note = f"No bucket of the gateway ends at {ms(slo.target_s)}, and {name} is {_within(found)}: "
    return Latency(reading, source, True, bucket, note + _mend(slo.target_s))


def _within(found: Percentile) -> str:
    if math.isinf(found.high_s):
        return f"past the highest bucket, above {ms(found.low_s)}"
    return f"somewhere between {ms(found.low_s)} and {ms(found.high_s)}"


def _mend(target_s: float) -> str:
    le_ms = le_ms_of(target_s)
    if le_ms is None:
        return "Envoy counts in whole milliseconds of two digits, so choose such a target."
    return f"give it a bucket of {le_ms} ms, which Envoy fills up to {ms(target_s)}."


def _doubt(latency: Latency) -> int:
    """How little a view tells: one that never heard of the model must hide none that measures."""
    match latency.reading:
        case Known():
            return 0
        case NoTraffic():
            return 1
        case Stale():
            return 2
        case _:
            return 3


def _no_series(spec: ModelDeployment) -> Latency:
    name = services(spec)[0]
    text = (
        f"Prometheus has no histogram of a gateway for {spec.key.namespace}/{name}: name the route "
        "like the Service, and have the gateway's pods scraped (Envoy Gateway: port 19001, "
        "/stats/prometheus)."
    )
    return Latency(Missing("NoGatewaySeries", text), SOURCE)


def _place(labels: Mapping[str, str]) -> _Place | None:
    if "route" in labels:
        namespace, _, name = labels["route"].partition("/")
        return _View.ENVOY, namespace, name
    view = _REPORTER.get(labels.get("reporter", ""))
    if view is None:
        return None
    return view, labels.get(ISTIO_NAMESPACE, ""), labels.get(ISTIO_SERVICE, "")


def _number(text: str) -> float | None:
    try:
        bound = float(text)
    except ValueError:
        return None
    return bound if bound >= 0.0 else None
