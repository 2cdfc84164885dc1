"""Faults between Triton and trimtab's readings, each planted alone in a sound install."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.control.world import model_deployment
from tests.doctor.install import Install, routed
from trimtab.control.doctor.examine import examine
from trimtab.control.doctor.finding import Severity
from trimtab.observe.errors import (
    PrometheusClockSkew,
    PrometheusError,
    PrometheusMalformed,
    PrometheusQueryError,
    PrometheusRefused,
    PrometheusTimeout,
    PrometheusUnreachable,
    PrometheusUntrusted,
)

URL = "http://prometheus"
Row = dict[str, str]


@pytest.mark.parametrize(
    ("trouble", "says", "mend"),
    [
        (PrometheusUnreachable(URL, "refused"), "cannot be reached: refused.", "prometheus.url"),
        (PrometheusTimeout(URL, 5), "did not answer within 5 s.", "prometheus.timeout"),
        (
            PrometheusUntrusted(URL, "unknown CA", "set prometheus.caFile to the CA"),
            "fails: unknown CA.",
            "Set prometheus.caFile to the CA.",
        ),
        (PrometheusRefused(URL, 401), "answered HTTP 401.", "prometheus.bearerTokenFile"),
        (PrometheusRefused(URL, 404), "answered HTTP 404.", "check its path prefix"),
        (PrometheusMalformed(URL, "no JSON"), "cannot be used: no JSON.", "with its path prefix"),
        (PrometheusClockSkew(URL, 90), "is 90 s ahead of trimtab's", "Set the clocks"),
    ],
)
async def test_a_prometheus_that_does_not_answer_is_told_once(
    install: Install, trouble: PrometheusError, says: str, mend: str
) -> None:
    install.prometheus.trouble = lambda _promql: trouble
    found = await install.finding()
    assert says in found.says
    assert mend in found.mend


@pytest.mark.parametrize("part", ["exec_count", "envoy_", "summary", "topk"])
async def test_one_query_of_many_that_fails(install: Install, part: str) -> None:
    if part == "envoy_":
        await behind_a_gateway(install)
    late = PrometheusTimeout(URL, 5)
    install.prometheus.trouble = lambda promql: late if part in promql else None
    assert (await install.finding()).says == late.said


async def test_an_address_that_is_none(install: Install) -> None:
    facts = replace(await install.facts(), prometheus=None, prometheus_trouble="must look like x")
    (found,) = examine(facts)
    assert (found.subject, found.says) == ("prometheus.url", "Must look like x.")


async def test_a_proxy_that_answers_twice(install: Install) -> None:
    install.prometheus.row = lambda _promql, row: [row, {**row, "replica": "b"}]
    found = await install.finding()
    assert "more than once for one pod and model" in found.says
    assert "deduplicate" in found.mend


def renamed(row: Row, **names: str) -> Row:
    return {names.get(label, label): value for label, value in row.items()}


async def test_series_under_another_label_name_the_setting_that_reads_them(
    install: Install,
) -> None:
    def row(promql: str, told: Row) -> list[Row]:
        # An aggregation by labels that are not there keeps the model alone.
        raw = "topk" in promql
        return [renamed(told, pod="kubernetes_pod_name") if raw else {"model": told["model"]}]

    install.prometheus.row = row
    found = await install.finding()
    assert found.subject == "shop/digits"
    assert "series of them lack the label pod (prometheus.podLabel), by which" in found.says
    assert found.mend == "Set prometheus.podLabel to kubernetes_pod_name."


async def test_series_without_a_label_at_all(install: Install) -> None:
    install.prometheus.row = lambda _promql, row: [{"model": row["model"]}]
    found = await install.finding()
    assert "namespace (prometheus.namespaceLabel) and pod (prometheus.podLabel)" in found.says
    assert found.mend.startswith("Have the scrape config keep or set the label namespace, ")


async def test_series_of_a_triton_of_others_without_labels_are_no_fault(install: Install) -> None:
    install.prometheus.row = lambda promql, row: [row, {"model": "theirs"}]
    assert [f for f in await install.findings() if f.check == "scraping"] == []


@pytest.mark.parametrize("theirs", [{"model": "theirs"}, {"model": "digits", "namespace": "lab"}])
async def test_nor_do_they_explain_what_is_not_scraped(install: Install, theirs: Row) -> None:
    install.prometheus.row = lambda promql, _row: [theirs] if "topk" in promql else []
    assert "no series of their Ready pods" in (await install.finding()).says


def unseen(_promql: str, _row: Row) -> list[Row]:
    return []


async def test_nothing_scrapes_where_there_are_no_pod_monitors(install: Install) -> None:
    install.prometheus.row = unseen
    found = await install.finding()
    assert (found.subject, found.check) == ("shop/digits", "scraping")
    assert "app.kubernetes.io/managed-by=trimtab" in found.mend
    assert "8002" in found.mend


async def test_pod_monitors_that_no_prometheus_selects(install: Install) -> None:
    install.prometheus.row = unseen
    install.kube.installed.add("PodMonitor")
    found = await install.finding()
    assert "no PodMonitor is there" in found.mend[:1].lower() + found.mend[1:]
    await install.world.tick()
    (name,) = install.kube.names("PodMonitor")
    found = await install.finding()
    assert f"podMonitorSelector that matches PodMonitors shop/{name}" in found.mend
    assert "podMonitorNamespaceSelector" in found.mend
    assert "matchLabels: {app.kubernetes.io/managed-by: trimtab}" in found.mend


async def test_a_pod_monitor_that_matches_no_pod(install: Install) -> None:
    install.prometheus.row = unseen
    install.kube.installed.add("PodMonitor")
    await install.world.tick()
    monitor = install.kube.find_one("PodMonitor")
    monitor["spec"]["selector"]["matchLabels"] = {"app": "digits"}
    install.kube.touch(monitor)
    found = await install.finding()
    assert found.subject == f"PodMonitor shop/{monitor['metadata']['name']}"
    assert found.says.startswith('Its spec.selector is {"matchLabels": {"app": "digits"}}')
    assert "trimtab.dev/model-deployment" in found.says
    assert "kubectl delete podmonitor -n shop" in found.mend


async def test_pod_monitors_that_may_not_be_read(install: Install) -> None:
    install.prometheus.row = unseen
    install.kube.installed.add("PodMonitor")
    install.kube.unread = {"PodMonitor"}
    assert "matches their PodMonitors" in (await install.finding()).mend


async def test_one_model_of_two_is_not_scraped(install: Install) -> None:
    install.kube.put(model_deployment("other"))
    await install.world.tick()
    install.world.run_pods()
    install.prometheus.row = lambda _promql, row: [row] if "other" not in row["pod"] else []
    found = await install.finding()
    assert found.subject == "shop/other"
    assert "though it has of others" in found.says


async def test_a_pod_that_is_new_is_given_time(install: Install) -> None:
    install.prometheus.row = unseen
    for (kind, _, _), pod in install.kube.objects.items():
        if kind == "Pod":
            pod["status"]["conditions"][0]["lastTransitionTime"] = "1970-01-12T13:46:20Z"
    assert await install.findings() == ()


async def test_one_pod_of_two_is_not_scraped(install: Install) -> None:
    install.kube.find_one("Deployment")["spec"]["replicas"] = 2
    install.world.run_pods()
    install.prometheus.row = lambda _promql, row: [row] if row["pod"].endswith("-0") else []
    found = await install.finding()
    assert "-1 have no sample of the last 30 s" in found.says
    assert found.mend == "Check their targets in Prometheus."


async def test_a_prometheus_that_stopped_to_scrape(install: Install) -> None:
    install.prometheus.age_s = 45.0
    found = await install.finding()
    assert "are 45 s old and more: beyond prometheus.staleAfter, 30 s" in found.says
    assert "prometheus.staleAfter" in found.mend


async def test_a_model_that_triton_does_not_export(install: Install) -> None:
    install.kube.put(model_deployment(model="numbers"))
    found = await install.finding()
    assert "export models digits, and not spec.model 'numbers'" in found.says
    assert "with the name that Triton loads, such as digits" in found.mend


@pytest.mark.parametrize(("window", "setting"), [("[10s]", "fastWindow"), ("s]", "longWindow")])
async def test_scrapes_that_are_too_rare_for_a_window(
    install: Install, window: str, setting: str
) -> None:
    install.prometheus.row = lambda promql, row: [] if window in promql else [row]
    found = await install.finding()
    assert "fewer than two samples" in found.says
    assert f"prometheus.{setting}" in found.mend


async def test_series_that_a_scrape_rule_drops(install: Install) -> None:
    install.prometheus.row = lambda promql, row: [] if "exec_count" in promql else [row]
    found = await install.finding()
    assert "lacks nv_inference_exec_count, while" in found.says
    assert "metricRelabelings" in found.mend


def no_summary(promql: str, row: Row) -> list[Row]:
    return [] if "summary" in promql else [row]


async def test_summaries_that_are_off(install: Install) -> None:
    install.prometheus.row = no_summary
    found = await install.finding()
    assert (found.check, found.severity) == ("latency", Severity.WARNING)
    assert found.says.startswith("latencySource.type is Auto, and pods digits-")
    assert "estimate" in found.says
    assert "--metrics-config=summary_latencies=true" in found.mend


async def test_summaries_that_are_promised_and_off(install: Install) -> None:
    install.prometheus.row = no_summary
    install.kube.put(model_deployment(latencySource={"type": "TritonSummary"}))
    found = await install.finding()
    assert found.severity is Severity.ERROR
    assert "it has no percentile" in found.says


@pytest.mark.parametrize(
    "spec",
    [
        {"triton": {"image": "triton:1", "responseCache": {"size": "64Mi"}}},
        {"latencySource": {"type": "TritonCounters"}},
        {"latencySource": {"type": "PromQL", "query": "1"}},
    ],
)
async def test_a_model_that_needs_no_summaries(install: Install, spec: dict[str, Any]) -> None:
    install.prometheus.row = no_summary
    install.kube.put(model_deployment(**spec))
    assert await install.findings() == ()


def answers_of(install: Install, *rows: Row) -> None:
    """What the user's own query answers."""
    install.kube.put(model_deployment(latencySource={"type": "PromQL", "query": "my_p99"}))
    install.prometheus.row = lambda promql, row: list(rows) if promql == "my_p99" else [row]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (({"a": "1"}, {"a": "2"}), "returned 2 series; it must return one: aggregate it"),
        ((), "The latency query returned no series."),
    ],
)
async def test_a_users_query_that_gives_no_latency(
    install: Install, rows: tuple[Row, ...], says: str
) -> None:
    answers_of(install, *rows)
    found = await install.finding()
    assert (found.check, found.severity) == ("latency", Severity.ERROR)
    assert says in found.says
    assert found.mend.endswith("spec.latencySource.query in Prometheus, and change it: my_p99.")


async def test_a_users_query_that_prometheus_rejects(install: Install) -> None:
    answers_of(install)
    rejected = PrometheusQueryError(URL, "bad_data", "1:3: parse error: unexpected end of input")
    install.prometheus.trouble = lambda promql: rejected if promql == "my_p99" else None
    found = await install.finding()
    assert found.says.endswith("(bad_data): 1:3: parse error: unexpected end of input.")
    assert "spec.latencySource.query" in found.mend


async def test_a_users_query_that_gives_one(install: Install) -> None:
    answers_of(install, {"a": "1"})
    assert await install.findings() == ()


async def behind_a_gateway(install: Install, source: str = "Auto") -> None:
    """The model, whose route the gateway took."""
    taken = {"type": "Accepted", "status": "True", "observedGeneration": 9}
    await routed(install, source=source, conditions=[taken])


@pytest.mark.parametrize(
    ("source", "severity"),
    [("Auto", Severity.WARNING), ("GatewayHistogram", Severity.ERROR)],
)
async def test_behind_a_gateway_whose_histogram_nobody_scrapes(
    install: Install, source: str, severity: Severity
) -> None:
    await behind_a_gateway(install, source)
    install.prometheus.row = lambda promql, row: [] if "envoy_" in promql else [row]
    found = await install.finding()
    assert (found.check, found.severity) == ("latency", severity)
    assert found.says == "Prometheus has no histogram of a gateway for shop/digits."
    assert found.mend.startswith("Name the route like the Service")


async def test_behind_a_gateway_that_is_scraped_no_more(install: Install) -> None:
    await behind_a_gateway(install, "GatewayHistogram")
    install.prometheus.gateway_age_s = 90.0
    found = await install.finding()
    assert found.says == "The newest sample of its gateway's histogram is 90 s old."


async def test_a_histogram_of_a_route_that_nobody_took_is_one_trouble(install: Install) -> None:
    await routed(install, source="GatewayHistogram")
    install.prometheus.row = lambda promql, row: [] if "envoy_" in promql else [row]
    assert (await install.finding()).check == "gateway"
