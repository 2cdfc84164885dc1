"""The latency of a model can be read from where its latencySource says."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten

from trimtab.api.resources import LatencySourceType
from trimtab.control.doctor.facts import Facts, Prometheus
from trimtab.control.doctor.finding import Finding, error, parted, sentence, some, warning
from trimtab.control.doctor.unscraped import pods_of
from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusError
from trimtab.observe.gateway_queries import reads_gateway
from trimtab.observe.latency import NOT_USED
from trimtab.observe.queries import Metric
from trimtab.observe.table import Cover, FleetTable

_CHECK = "latency"
_LONGEST_QUERY = 200


def latency(facts: Facts) -> Iterator[Finding]:
    """Of models whose counters are read: of others the check of scraping says why not."""
    told, cluster = facts.prometheus, facts.cluster
    if told is None or cluster is None:
        return
    table = told.table
    for state in cluster.gathered.snapshot.models:
        key = state.spec.key
        cover = table.cover(key.namespace, state.spec.model, pods_of(state), facts.now_s)
        if isinstance(cover, Cover) and cover.required:
            yield from _summaries(state, table, cover)
            yield from _source(state, told)


def _summaries(state: ModelState, table: FleetTable, cover: Cover) -> Iterator[Finding]:
    spec, source = state.spec, state.spec.latency_source.type
    from_triton = source in (LatencySourceType.AUTO, LatencySourceType.TRITON_SUMMARY)
    if not from_triton or reads_gateway(spec) or spec.triton.cache_bytes is not None:
        return
    lacking = [pod for pod in cover.required if table.quantiles(cover, pod) is None]
    if lacking and table.error(Metric.SUMMARY_US) is None:
        auto = source is LatencySourceType.AUTO
        without = "its percentile is an estimate from means" if auto else "it has no percentile"
        yield (warning if auto else error)(
            _CHECK,
            f"ModelDeployment {spec.key}",
            f"latencySource.type is {source.value}, and pods {some(lacking)} export no"
            f" nv_inference_request_summary_us: {without}.",
            "let no scrape rule drop it, and take a Triton that knows"
            " --metrics-config=summary_latencies=true, which trimtab sets",
        )


def _source(state: ModelState, told: Prometheus) -> Iterator[Finding]:
    """The user's query, or the gateway's histogram: as the tick reads it."""
    if state.spec.latency_source.type is LatencySourceType.PROM_QL:
        yield from _query(state, told)
    elif reads_gateway(state.spec) and not any(
        isinstance(outcome, PrometheusError) for outcome in told.gateways.values()
    ):  # else the check of Prometheus says why
        yield from _histogram(state, told)


def _query(state: ModelState, told: Prometheus) -> Iterator[Finding]:
    reading = told.readings[state.spec.key].latency_s
    if isinstance(reading, Missing):
        query = shorten(state.spec.latency_source.query or "", _LONGEST_QUERY, placeholder=" …")
        yield error(
            _CHECK,
            f"ModelDeployment {state.spec.key}",
            sentence(reading.message),
            f"try spec.latencySource.query in Prometheus, and change it: {query}",
        )


def _histogram(state: ModelState, told: Prometheus) -> Iterator[Finding]:
    if state.route is not None and state.route.trouble is not None:
        return  # the check of models says why nothing comes through it
    readings, subject = told.readings[state.spec.key], f"ModelDeployment {state.spec.key}"
    if readings.latency_note:
        says, mend = parted(readings.latency_note.removeprefix(NOT_USED))
        yield warning(_CHECK, subject, sentence(says), mend)
    if state.spec.latency_source.type is not LatencySourceType.GATEWAY_HISTOGRAM:
        return
    match readings.latency_s:
        case Missing(message=message):
            says, mend = parted(message)
            yield error(_CHECK, subject, sentence(says), mend)
        case Stale(age_s=age_s):
            yield error(
                _CHECK,
                subject,
                f"The newest sample of its gateway's histogram is {age_s:.0f} s old.",
                "see whether Prometheus still scrapes the gateway's pods",
            )
