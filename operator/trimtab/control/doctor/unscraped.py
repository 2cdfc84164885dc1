"""Why Prometheus has no series of a model's Ready pods: a label lacks, or nothing scrapes them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from trimtab.actuate import kinds
from trimtab.actuate.names import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    child_name,
    workload_selector,
)
from trimtab.api.resources import ObjectKey
from trimtab.control.doctor.facts import Cluster, Prometheus
from trimtab.control.doctor.finding import Finding, error, some
from trimtab.core.snapshot import ModelState, Pod, WorkloadKey
from trimtab.observe.errors import PrometheusError
from trimtab.observe.prometheus import Sample

_CHECK = "scraping"
_SCRAPED_BY = f"pods labelled {MANAGED_BY_LABEL}={MANAGED_BY} on their port metrics (8002)"


def unscraped(
    cluster: Cluster, told: Prometheus, unseen: Sequence[ModelState], seen: Collection[str]
) -> Iterator[Finding]:
    """`unseen`: models of whose Ready pods there is no series. `seen`: namespaces of others of
    which there are."""
    bare = _bare(told, unseen)
    if bare:
        yield _unlabelled(told, [s for s in unseen if s.spec.key in bare], list(bare.values()))
    by_namespace: dict[str, list[ModelState]] = defaultdict(list)
    for state in unseen:
        astray = list(_astray(cluster, state))
        yield from astray
        if state.spec.key not in bare and not astray:
            by_namespace[state.spec.key.namespace].append(state)
    for namespace, states in by_namespace.items():
        others = ", though it has of others" if seen else ""
        yield error(
            _CHECK,
            some(state.spec.key for state in states),
            f"Prometheus has no series of their Ready pods{others}"
            + (" in that namespace." if namespace in seen else "."),
            _mend(cluster, states),
        )


def pods_of(state: ModelState) -> list[Pod]:
    """All of the model's pods."""
    return [pod for workload in state.workloads for pod in workload.pods]


def _bare(told: Prometheus, unseen: Sequence[ModelState]) -> dict[ObjectKey, Sample]:
    """A series of each of these models that lacks a label. Those of a Triton of others may lack it
    too, and explain nothing here."""
    if isinstance(told.unlabelled, PrometheusError):
        return {}
    label = told.reading.namespace_label
    known = {(s.labels.get(label, ""), s.labels.get("model", "")): s for s in told.unlabelled}
    found = {}
    for state in unseen:
        key, model = state.spec.key, state.spec.model
        own = ((key.namespace, model), ("", model), (key.namespace, ""), ("", ""))
        sample = next((known[row] for row in own if row in known), None)
        if sample is not None:
            found[key] = sample
    return found


def _unlabelled(told: Prometheus, unseen: Sequence[ModelState], bare: Sequence[Sample]) -> Finding:
    """With the settings by which other labels are read, where those hold just these values."""
    reading = told.reading
    pods = {pod.name for state in unseen for pod in pods_of(state)}
    namespaces = {state.spec.key.namespace for state in unseen}
    lacking, mends = [], []
    for label, setting, values in (
        (reading.namespace_label, "prometheus.namespaceLabel", namespaces),
        (reading.pod_label, "prometheus.podLabel", pods),
        ("model", "", set[str]()),
    ):
        without = [sample.labels for sample in bare if not sample.labels.get(label)]
        if not without:
            continue
        lacking.append(f"{label} ({setting})" if setting else label)
        other = next((n for had in without for n, v in sorted(had.items()) if v in values), None)
        relabel = f"have the scrape config keep or set the label {label}"
        mends.append(f"set {setting} to {other}" if other else relabel)
    return error(
        _CHECK,
        some(state.spec.key for state in unseen),
        f"Triton's series of them lack the label {' and '.join(lacking)}, by which trimtab tells"
        " whose they are: these models are not read.",
        ", ".join(mends),
    )


def _astray(cluster: Cluster, state: ModelState) -> Iterator[Finding]:
    """PodMonitors that select other pods than trimtab meant them to."""
    for key, workload in _monitors(cluster, state):
        selector = cluster.pod_monitors[key]
        meant = workload_selector(state.spec, workload)
        if selector != {"matchLabels": meant}:
            yield error(
                _CHECK,
                f"PodMonitor {key}",
                f"Its spec.selector is {json.dumps(selector)}, and pods of {state.spec.key} are"
                f" labelled {json.dumps(meant)}: they are not scraped.",
                f"delete it, and trimtab makes it anew: kubectl delete podmonitor -n"
                f" {key.namespace} {key.name}",
            )


def _monitors(cluster: Cluster, state: ModelState) -> Iterator[tuple[ObjectKey, WorkloadKey]]:
    """The PodMonitors that trimtab made of it."""
    for workload in state.workloads:
        key = ObjectKey(state.spec.key.namespace, child_name(state.spec, workload.key))
        if key in cluster.pod_monitors:
            yield key, workload.key


def _mend(cluster: Cluster, states: Sequence[ModelState]) -> str:
    if kinds.POD_MONITOR in cluster.absent:
        return f"nothing scrapes them: add a scrape config for {_SCRAPED_BY}"
    monitors = [key for state in states for key, _ in _monitors(cluster, state)]
    if not monitors and kinds.POD_MONITOR not in cluster.hidden:
        return (
            "no PodMonitor is there for them: see in trimtab's log why it made none, or add a"
            f" scrape config for {_SCRAPED_BY}"
        )
    of_them = f"PodMonitors {some(monitors)}" if monitors else "their PodMonitors"
    ours = f"{{matchLabels: {{{MANAGED_BY_LABEL}: {MANAGED_BY}}}}}"
    return (
        f"see that the Prometheus has a podMonitorSelector that matches {of_them}, such as {ours},"
        " and a podMonitorNamespaceSelector that matches their namespaces, such as {}"
        " (kube-prometheus-stack: podMonitorSelectorNilUsesHelmValues=false); if they do, see its"
        " targets: a NetworkPolicy may keep it from port 8002"
    )
