"""The latency of a model can be read from where its latencySource says."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.api.resources import LatencySourceType
from trimtab.control.doctor.facts import Facts, Prometheus
from trimtab.control.doctor.finding import Finding, error, parted, sentence, warning
from trimtab.control.doctor.scraping import pods_of
from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusError
from trimtab.observe.gateway_queries import reads_gateway
from trimtab.observe.latency import NOT_USED
from trimtab.observe.table import Cover, FleetTable

_CHECK = "latency"
_NAMED = (LatencySourceType.PROM_QL, LatencySourceType.GATEWAY_HISTOGRAM)


def latency(facts: Facts) -> Iterator[Finding]:
    """Of models whose counters are read: of others the check of scraping says why not."""
    told, cluster = facts.prometheus, facts.cluster
    if told is None or cluster is None:
        return
    table = FleetTable(told.answers, told.reading)
    for state in cluster.gathered.snapshot.models:
        key = state.spec.key
        cover = table.cover(key.namespace, state.spec.model, pods_of(state), facts.now_s)
        if isinstance(cover, Cover) and cover.required:
            yield from _summaries(state, told, cover)
            yield from _source(state, told)


def _summaries(state: ModelState, told: Prometheus, cover: Cover) -> Iterator[Finding]:
    spec = state.spec
    source = spec.latency_source.type
    from_triton = source in (LatencySourceType.AUTO, LatencySourceType.TRITON_SUMMARY)
    if not from_triton or reads_gateway(spec) or spec.triton.cache_bytes is not None:
        return
    if isinstance(told.summaries, PrometheusError):
        return
    reading = told.reading
    has = {
        sample.labels.get(reading.pod_label)
        for sample in told.summaries
        if sample.labels.get(reading.namespace_label) == spec.key.namespace
        and sample.labels.get("model") == spec.model
    }
    if cover.required - has:
        found = error if source is LatencySourceType.TRITON_SUMMARY else warning
        yield found(
            _CHECK,
            f"ModelDeployment {spec.key}",
            "Its pods export no nv_inference_request_summary_us: its percentile is an estimate from"
            " means.",
            "let no scrape rule drop it, and take a Triton that knows"
            " --metrics-config=summary_latencies=true, which trimtab sets",
        )


def _source(state: ModelState, told: Prometheus) -> Iterator[Finding]:
    """The user's query, or the gateway's histogram: as the tick reads it."""
    source, readings = state.spec.latency_source.type, told.readings[state.spec.key]
    subject = f"ModelDeployment {state.spec.key}"
    routed = state.route is None or state.route.trouble is None
    if readings.latency_note and routed:
        says, mend = parted(readings.latency_note.removeprefix(NOT_USED))
        yield warning(_CHECK, subject, sentence(says), mend)
    if source not in _NAMED:
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
