"""Every Ready pod of a model is scraped, with the labels by which its series are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trimtab.api.resources import ObjectKey
from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding, error, sentence, some
from trimtab.control.doctor.unscraped import pods_of, unscraped
from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import ModelState
from trimtab.observe.queries import Metric
from trimtab.observe.table import Cover, FleetTable

_CHECK = "scraping"
# What every scrape brings of every model, and the series it is made of.
_ALWAYS = {
    Metric.ITEMS: "nv_inference_count",
    Metric.EXECUTIONS: "nv_inference_exec_count",
    Metric.COMPUTE_US: "nv_inference_compute_*_duration_us",
    Metric.QUEUE_US: "nv_inference_queue_duration_us",
}


def scraping(facts: Facts) -> Iterator[Finding]:
    """Of a model whose pods became Ready a moment ago nothing is said yet."""
    told, cluster = facts.prometheus, facts.cluster
    if told is None or cluster is None:
        return
    table = told.table
    if table.error(Metric.NEWEST) is not None:
        return  # the check of Prometheus says why
    unseen: list[ModelState] = []
    stale: dict[ObjectKey, float] = {}
    seen: set[str] = set()
    for state in cluster.gathered.snapshot.models:
        key, spec = state.spec.key, state.spec
        cover = table.cover(key.namespace, spec.model, pods_of(state), facts.now_s)
        match cover:
            case Missing(reason="NoSeries"):
                exported = table.exported(key.namespace, (p.name for p in pods_of(state)))
                if exported:
                    yield _exports(state, exported)
                else:
                    unseen.append(state)
            case Missing(reason="PodWithoutSeries", message=message):
                says, _, mend = message.rpartition(". ")
                yield error(_CHECK, f"ModelDeployment {key}", f"{says}.", mend)
            case Stale(age_s=age_s):
                stale[key] = age_s
            case Cover():
                seen.add(key.namespace)
                yield from _complete(state, table, cover)
    if stale:
        yield _stale(stale, told.reading.stale_after_s)
    yield from unscraped(cluster, told, unseen, seen)


def _stale(ages_s: Mapping[ObjectKey, float], limit_s: float) -> Finding:
    return error(
        _CHECK,
        some(ages_s),
        f"Their newest samples are {min(ages_s.values()):.0f} s old and more: beyond"
        f" prometheus.staleAfter, {limit_s:g} s, too old to act on.",
        "see in Prometheus whether it still scrapes these pods and how often;"
        " prometheus.staleAfter must be longer than two scrapes",
    )


def _exports(state: ModelState, exported: Sequence[str]) -> Finding:
    return error(
        "models",
        f"ModelDeployment {state.spec.key}",
        f"Its pods export models {some(exported)}, and not spec.model {state.spec.model!r}: nothing"
        " is read of it.",
        "make it anew (spec.model cannot be changed) with the name that Triton loads, such as"
        f" {exported[0]}",
    )


def _complete(state: ModelState, table: FleetTable, cover: Cover) -> Iterator[Finding]:
    """Of a model that is scraped: often enough, and everything of it."""
    subject = f"ModelDeployment {state.spec.key}"
    for metric in (Metric.SUCCESS, Metric.SUCCESS_FAST):
        total = table.total(metric, cover)
        if isinstance(total, Missing) and total.reason == "WindowTooShort":
            fast = metric is Metric.SUCCESS_FAST
            setting = f"prometheus.{'fastWindow' if fast else 'longWindow'}"
            says, _, _ = total.message.partition(": ")
            mend = f"scrape more often, or set {setting} to two scrapes or more"
            yield error(_CHECK, subject, sentence(says), mend)
            return
    lacking = [
        series
        for metric, series in _ALWAYS.items()
        if table.error(metric) is None and cover.required - table.row(metric, cover).keys()
    ]
    if lacking:
        yield error(
            _CHECK,
            subject,
            f"Of its pods Prometheus lacks {', '.join(lacking)}, while it has others.",
            "let the scrape config, and metricRelabelings of a PodMonitor, drop no nv_inference_*",
        )
