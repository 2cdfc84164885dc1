"""Every Ready pod of a model is scraped, with the labels by which its series are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from trimtab.actuate import kinds
from trimtab.actuate.names import MANAGED_BY, MANAGED_BY_LABEL, child_name
from trimtab.api.resources import ObjectKey
from trimtab.control.doctor.facts import Cluster, Facts, Prometheus
from trimtab.control.doctor.finding import Finding, error, sentence, some
from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import ModelState, Pod
from trimtab.observe.queries import Metric
from trimtab.observe.table import Cover, FleetTable

_CHECK = "scraping"
_SCRAPED_BY = f"pods labelled {MANAGED_BY_LABEL}={MANAGED_BY} on their port metrics (8002)"
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
    table = FleetTable(told.answers, told.reading)
    if table.error(Metric.NEWEST) is not None:
        return  # the check of Prometheus says why
    unseen: list[ModelState] = []
    stale: list[ObjectKey] = []
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
            case Stale():
                stale.append(key)
            case Cover():
                seen.add(key.namespace)
                yield from _complete(state, table, cover)
    if stale:
        yield error(
            _CHECK,
            some(stale),
            f"Their newest samples are older than {told.reading.stale_after_s:g} s, too old to act"
            " on.",
            "see in Prometheus whether it still scrapes these pods and how often;"
            " prometheus.staleAfter must be longer than two scrapes",
        )
    yield from _unseen(cluster, told, table, unseen, seen)


def _exports(state: ModelState, exported: Sequence[str]) -> Finding:
    return error(
        "models",
        f"ModelDeployment {state.spec.key}",
        f"Its pods export models {some(exported)}, and not spec.model {state.spec.model!r}: nothing"
        " is read of it.",
        "make it anew (spec.model cannot be changed) with the name that Triton loads, such as"
        f" {exported[0]}",
    )


def _unseen(
    cluster: Cluster,
    told: Prometheus,
    table: FleetTable,
    unseen: Sequence[ModelState],
    seen: Iterable[str],
) -> Iterator[Finding]:
    """Models of whose Ready pods Prometheus has no series, by what the reason may be."""
    if unseen and table.unlabelled:
        yield _unlabelled(told, table.unlabelled, unseen)
        return
    by_namespace: dict[str, list[ModelState]] = defaultdict(list)
    for state in unseen:
        by_namespace[state.spec.key.namespace].append(state)
    for namespace, states in by_namespace.items():
        yield error(
            _CHECK,
            some(state.spec.key for state in states),
            "Prometheus has no series of their Ready pods"
            + (", though it has of others." if set(seen) else "."),
            _scrape_mend(cluster, states, others_here=namespace in set(seen)),
        )


def _scrape_mend(cluster: Cluster, states: Sequence[ModelState], *, others_here: bool) -> str:
    if kinds.POD_MONITOR in cluster.absent:
        return f"nothing scrapes them: add a scrape config for {_SCRAPED_BY}"
    monitors = [
        key
        for state in states
        for workload in state.workloads
        if (key := ObjectKey(state.spec.key.namespace, child_name(state.spec, workload.key)))
        in cluster.pod_monitors
    ]
    if not monitors and kinds.POD_MONITOR not in cluster.hidden:
        return (
            "no PodMonitor is there for them: see in trimtab's log why it made none, or add a"
            f" scrape config for {_SCRAPED_BY}"
        )
    selector = "podMonitorSelector" if others_here else "podMonitorNamespaceSelector"
    other = "podMonitorNamespaceSelector" if others_here else "podMonitorSelector"
    return (
        f"see that {selector} and {other} of the Prometheus match PodMonitors {some(monitors)}; if"
        " they do, see its targets: a NetworkPolicy may keep it from port 8002"
    )


def _unlabelled(told: Prometheus, count: int, unseen: Sequence[ModelState]) -> Finding:
    reading = told.reading
    labels = (reading.namespace_label, reading.pod_label)
    lacking = sorted(
        {label for label in labels for sample in told.unlabelled if not sample.labels.get(label)}
    ) or sorted(labels)
    mends = list(_renamed(told, unseen))
    return error(
        _CHECK,
        some(state.spec.key for state in unseen),
        f"{count} Triton series lack the label {' and '.join(lacking)}, by which trimtab tells"
        " whose they are: these models are not read.",
        ", ".join(mends) or f"relabel them in the scrape config, to carry {' and '.join(labels)}",
    )


def _renamed(told: Prometheus, unseen: Sequence[ModelState]) -> Iterator[str]:
    """Settings by which other labels are read, where those hold just these values."""
    reading = told.reading
    pods = {p.name for state in unseen for p in pods_of(state)}
    namespaces = {state.spec.key.namespace for state in unseen}
    for setting, label, values in (
        ("prometheus.namespaceLabel", reading.namespace_label, namespaces),
        ("prometheus.podLabel", reading.pod_label, pods),
    ):
        for sample in told.unlabelled:
            held = [n for n, value in sorted(sample.labels.items()) if value in values]
            if not sample.labels.get(label) and held:
                yield f"set {setting} to {held[0]}"
                break


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


def pods_of(state: ModelState) -> list[Pod]:
    """All of the model's pods."""
    return [pod for workload in state.workloads for pod in workload.pods]
