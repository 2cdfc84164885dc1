"""The SLO's percentile, from what the model's latencySource says it can be read from.

TritonSummary: the maximum over live pods of Triton's own quantile. Quantiles cannot be averaged:
nine idle pods at 5 ms would hide a tenth at 500 ms. Triton exports fixed quantiles (0.5, 0.9,
0.95, 0.99 and 0.999 unless configured), so the smallest one at or above the SLO's percentile
stands for it. The summary starts when Triton has parsed the request: its front end is not in it.

TritonCounters: counters hold means and no percentile, and a mean held against a p99 promise would
always look kept. So `latency_s` is Missing("EstimatedByModel") with `estimated` True, and the core
computes the percentile from queue_time_s, service_time_s and its own queue model. Where the
counters themselves are blind or stand still, the reading says that instead.

GatewayHistogram: what clients of the gateway wait, see gateway.py.

Auto: behind a gateway its histogram where that can be read; else, and with a note that says why,
TritonSummary where every pod with traffic has one, and TritonCounters where not.

PromQL: the user's own query, in seconds, one series. It answers for its own freshness.
"""

from __future__ import annotations

import math
from dataclasses import replace

from trimtab.api.resources import LatencySourceType, ModelDeployment
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.observe.errors import PrometheusError
from trimtab.observe.gateway import SOURCE, GatewayTable
from trimtab.observe.gateway_queries import reads_gateway
from trimtab.observe.percentile import Latency
from trimtab.observe.prometheus import Answer
from trimtab.observe.queries import Metric
from trimtab.observe.table import Cover, FleetTable, names

UserOutcome = Answer | PrometheusError | None
"""What the model's own query came to; None where it has none or it was not run."""

NO_SUMMARY = Missing(
    "NoSummary",
    "Triton exports no nv_inference_request_summary_us: it is off while the model has a response "
    "cache; otherwise start Triton with --metrics-config=summary_latencies=true.",
)
ESTIMATED = Missing(
    "EstimatedByModel",
    "Triton's counters give means only; the percentile is computed from them.",
)


NOT_USED = "The gateway's histogram is not used: "
"""How a note begins that says why; Auto then takes what Triton tells."""

NOT_THROUGH_GATEWAY = Missing(
    "NotThroughGateway",
    "Triton answers requests of which the gateway's histogram counts none: see that clients "
    "do not go round the gateway, and that its histograms do not lag (stats_flush_interval).",
)


def model_latency(
    spec: ModelDeployment,
    table: FleetTable,
    gateway: GatewayTable,
    cover: Cover | Missing | Stale,
    user: UserOutcome,
    now_s: float,
) -> Latency:
    """The latency of the whole model by its latencySource."""
    if spec.latency_source.type is LatencySourceType.PROM_QL:
        return Latency(_from_query(user, table, cover, now_s), "PromQL")
    if not reads_gateway(spec):
        return summary_or_counters(spec, table, cover)
    latency = _from_gateway(spec, table, gateway, cover, now_s)
    if spec.latency_source.type is LatencySourceType.GATEWAY_HISTOGRAM:
        return latency
    match latency.reading:
        case Missing(message=message):
            why = message
        case Stale():
            why = "Its newest sample is too old: see whether Prometheus still scrapes it."
        case _:
            return latency
    instead = summary_or_counters(spec, table, cover)
    return replace(instead, note=f"{NOT_USED}{why}")


def summary_or_counters(
    spec: ModelDeployment, table: FleetTable, cover: Cover | Missing | Stale
) -> Latency:
    """The latency of these pods from Triton itself; Auto where the model's source is a query."""
    kind = spec.latency_source.type
    if kind is LatencySourceType.TRITON_COUNTERS:
        return _from_counters(table, cover)
    summary = _from_summary(table, cover, spec.slo.percentile)
    if kind is LatencySourceType.TRITON_SUMMARY or not isinstance(summary.reading, Missing | Stale):
        return summary
    return _from_counters(table, cover)


def _from_gateway(
    spec: ModelDeployment,
    table: FleetTable,
    gateway: GatewayTable,
    cover: Cover | Missing | Stale,
    now_s: float,
) -> Latency:
    if isinstance(cover, Missing) and cover.reason == "NoReadyPods":
        return Latency(cover, SOURCE)
    latency = gateway.latency(spec, now_s)
    if isinstance(latency.reading, NoTraffic) and isinstance(_active(table, cover), frozenset):
        return replace(latency, reading=NOT_THROUGH_GATEWAY)
    return latency


def _from_counters(table: FleetTable, cover: Cover | Missing | Stale) -> Latency:
    active = _active(table, cover)
    reading = ESTIMATED if isinstance(active, frozenset) else active
    return Latency(reading, "TritonCounters", estimated=True)


def _from_summary(table: FleetTable, cover: Cover | Missing | Stale, percentile: float) -> Latency:
    active = _active(table, cover)
    if not isinstance(active, frozenset) or not isinstance(cover, Cover):
        assert not isinstance(active, frozenset)
        return Latency(active, "TritonSummary")
    failed = table.error(Metric.SUMMARY_US)
    if failed is not None:
        return Latency(failed, "TritonSummary")
    exported = {pod: row for pod in active if (row := table.quantiles(cover, pod)) is not None}
    if not exported:
        return Latency(NO_SUMMARY, "TritonSummary")
    lacking = (active & cover.required) - exported.keys()
    if lacking:
        return Latency(
            Missing("PodWithoutSummary", f"Pods {names(lacking)} serve but export no summary."),
            "TritonSummary",
        )
    rows = {pod: row for pod, row in exported.items() if row}
    if not rows:
        # Triton's window ends before that of the rates. Estimated from the means of the last few
        # requests instead, the p99 was of three times its target at the end of every load.
        return Latency(NoTraffic(cover.at_s), "TritonSummary")
    chosen = {pod: pick_quantile(tuple(row), percentile) for pod, row in rows.items()}
    slowest = max(row[chosen[pod]] for pod, row in rows.items())
    source, reads_low = _source_text(min(chosen.values()), percentile)
    return Latency(Known(slowest / 1e6, cover.at_s), source, estimated=reads_low)


def pick_quantile(quantiles: tuple[float, ...], percentile: float) -> float:
    """The smallest quantile at or above the percentile (0 to 100), else the highest there is."""
    wanted = percentile / 100
    return min((q for q in quantiles if q >= wanted - 1e-9), default=max(quantiles))


def _source_text(quantile: float, percentile: float) -> tuple[str, bool]:
    """The source in words, and whether it reads lower than the SLO's percentile."""
    p_read, p_slo = f"p{quantile * 100:.6g}", f"p{percentile:.6g}"
    if p_read == p_slo:
        return "TritonSummary", False
    if quantile * 100 > percentile:
        return f"TritonSummary ({p_read} stands for {p_slo})", False
    return f"TritonSummary ({p_read}, the highest exported, reads low for {p_slo})", True


def _active(
    table: FleetTable, cover: Cover | Missing | Stale
) -> frozenset[str] | NoTraffic | Missing | Stale:
    """The pods that answered something in the long window, or what is true of all of them.

    The summary of a pod without traffic is NaN or frozen at its last requests: a drained pod would
    go on reporting the burst that ended ten minutes ago.
    """
    if not isinstance(cover, Cover):
        return cover
    total = table.total(Metric.SUCCESS, cover)
    if isinstance(total, Missing):
        return total
    active = frozenset(p for p, rate in table.row(Metric.SUCCESS, cover).items() if rate > 0)
    return active or NoTraffic(cover.at_s)


def _from_query(
    user: UserOutcome, table: FleetTable, cover: Cover | Missing | Stale, now_s: float
) -> Reading:
    if isinstance(cover, Missing) and cover.reason == "NoReadyPods":
        return cover
    if user is None:
        return Missing("NotRead", "The latency query was not run.")
    if isinstance(user, PrometheusError):
        return Missing(user.reason, user.message)
    if len(user.samples) > 1:
        return Missing(
            "AmbiguousResult",
            f"The latency query returned {len(user.samples)} series; it must return one: "
            "aggregate it, for instance with max().",
        )
    if user.samples:
        return _one_value(user.samples[0].value, now_s)
    # histogram_quantile() of no requests is NaN. Where Triton's counters confirm that nothing was
    # asked, that is no traffic and not blindness; else an idle model would keep its GPUs for ever.
    active = _active(table, cover)
    if isinstance(active, NoTraffic):
        return active
    if user.no_numbers:
        return Missing("NotANumber", "The latency query returned NaN or infinity.")
    return Missing("EmptyResult", "The latency query returned no series.")


def _one_value(value: float, now_s: float) -> Reading:
    if not math.isfinite(value):
        return Missing("NotANumber", "The latency query returned NaN or infinity.")
    if value < 0:
        return Missing("NegativeLatency", f"The latency query returned {value:g} seconds.")
    return Known(value, now_s)
