"""The PromQL that reads the histograms of gateways: two queries for each kind, all models together.

Only shares of one histogram's own counts are ever taken, never a count against another metric:
Envoy's counters move at once, and its histograms at the next flush (5 s by default). So a pod that
is scraped twice needs no care, it weighs double in every bucket alike.

Counts are read by delta() and not by rate(): near zero rate() stretches every series to where that
one began, and so each bucket by another factor. A gateway that had answered slowly for a minute and
then fast would lack a tenth of its fast requests. delta() stretches all buckets of a scrape alike,
but takes a restart for a fall: who restarted within the window is left out.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from trimtab.api.resources import LatencySourceType, ModelDeployment, RoutingType
from trimtab.core.names import service_name, workload_service_name
from trimtab.core.snapshot import WorkloadKey
from trimtab.observe.queries import ReadSettings, duration

ENVOY = "envoy_cluster_upstream_rq_time_bucket"
ISTIO = "istio_request_duration_milliseconds_bucket"

ISTIO_NAMESPACE, ISTIO_SERVICE = "destination_service_namespace", "destination_service_name"

_ALL = 'le="+Inf"'
_CLUSTER = "envoy_cluster_name"
# Who sends a request reports what it waited, retries and network and all. A "destination" is the
# pod's own sidecar and sees neither; in ambient mode only a waypoint knows requests.
_REPORTERS = 'reporter=~"source|waypoint"'


class GatewayMetric(enum.StrEnum):
    """One query of the set: requests of the window by bucket, and when the newest sample was."""

    ENVOY_BUCKETS = "EnvoyBuckets"
    ENVOY_NEWEST = "EnvoyNewest"
    ISTIO_BUCKETS = "IstioBuckets"
    ISTIO_NEWEST = "IstioNewest"


def reads_gateway(spec: ModelDeployment) -> bool:
    """Whether the model's latency is looked for at a gateway."""
    kind = spec.latency_source.type
    if kind is LatencySourceType.GATEWAY_HISTOGRAM:
        return True
    return kind is LatencySourceType.AUTO and spec.routing.type is RoutingType.GATEWAY


def services(spec: ModelDeployment) -> tuple[str, ...]:
    """The model's Service, for which its route is named too, and those of its variants."""
    own = {
        workload_service_name(spec, WorkloadKey(v.name, c))
        for v in spec.variants
        for c in v.accelerator_classes
    }
    return (service_name(spec), *sorted(own))


def gateway_queries(
    settings: ReadSettings, specs: Iterable[ModelDeployment]
) -> dict[GatewayMetric, str]:
    """The PromQL text of every metric, for the models among these that read a gateway; empty where
    none does. Other people's routes are not asked for: they may be thousands."""
    reading = [spec for spec in specs if reads_gateway(spec)]
    if not reading:
        return {}
    routes = "|".join(sorted(f"{s.key.namespace}/{service_name(s)}" for s in reading))
    namespaces = "|".join(sorted({s.key.namespace for s in reading}))
    names = "|".join(sorted({name for s in reading for name in services(s)}))
    envoy = (f'{_CLUSTER}=~"(http|grpc)route/({routes})/rule/.+"',)
    istio = (
        _REPORTERS,
        f'{ISTIO_NAMESPACE}=~"{namespaces}"',
        f'{ISTIO_SERVICE}=~"{names}"',
    )
    by = f"{ISTIO_NAMESPACE}, {ISTIO_SERVICE}, reporter"
    return {
        GatewayMetric.ENVOY_BUCKETS: _routes("sum by (route, le)", _counts(ENVOY, envoy, settings)),
        GatewayMetric.ENVOY_NEWEST: _routes("max by (route)", _times(ENVOY, envoy, settings)),
        GatewayMetric.ISTIO_BUCKETS: f"sum by ({by}, le) ({_counts(ISTIO, istio, settings)})",
        GatewayMetric.ISTIO_NEWEST: f"max by ({by}) ({_times(ISTIO, istio, settings)})",
    }


def _routes(aggregation: str, series: str) -> str:
    """Every rule and every backend of a route is a cluster of its own: httproute/NAMESPACE/NAME
    /rule/INDEX/backend/INDEX."""
    route = f'"route", "$1", "{_CLUSTER}", "[a-z]+/([^/]+/[^/]+)/rule/.+"'
    return f"{aggregation} (label_replace({series}, {route}))"


def _counts(name: str, matchers: tuple[str, ...], settings: ReadSettings) -> str:
    window = f"[{duration(settings.long_window_s)}]"
    series = _selector(name, matchers, settings)
    whole = _selector(name, (*matchers, _ALL), settings)
    return f"delta({series}{window}) unless ignoring (le) (resets({whole}{window}) > 0)"


def _times(name: str, matchers: tuple[str, ...], settings: ReadSettings) -> str:
    return f"timestamp({_selector(name, (*matchers, _ALL), settings)})"


def _selector(name: str, matchers: tuple[str, ...], settings: ReadSettings) -> str:
    return f"{name}{{{', '.join((*matchers, *settings.matchers))}}}"
