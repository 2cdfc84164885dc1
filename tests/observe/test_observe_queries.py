"""The PromQL set and its settings."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trimtab.observe.queries import TRITON_METRICS, Metric, ReadSettings, fleet_queries

QUERIES = fleet_queries(ReadSettings())


def test_one_query_for_each_metric() -> None:
    assert set(QUERIES) == set(Metric)
    assert len(set(QUERIES.values())) == len(Metric)


def test_only_what_triton_exports_is_read() -> None:
    named = set(re.findall(r"nv_\w+", " ".join(QUERIES.values())))
    assert named == set(TRITON_METRICS)


@pytest.mark.parametrize("metric", list(Metric))
def test_rows_are_by_namespace_pod_and_model(metric: Metric) -> None:
    assert QUERIES[metric].startswith("max by (namespace, pod, model")


def test_counters_are_read_by_rate_and_gauges_by_deriv() -> None:
    """delta() of a counter that restarted is negative; rate() of a gauge that fell is a restart."""
    for promql in QUERIES.values():
        assert "delta(" not in promql
        assert "increase(" not in promql
        for function, name in re.findall(r"(rate|deriv)\(nv_(\w+)", promql):
            assert (function == "deriv") == (name == "inference_pending_request_count")


def test_the_summary_is_never_averaged_or_summed() -> None:
    assert "sum" not in QUERIES[Metric.SUMMARY_US].replace("summary", "")
    assert "avg" not in QUERIES[Metric.SUMMARY_US]


def test_windows_and_matchers_reach_every_selector() -> None:
    settings = ReadSettings(fast_window_s=2.5, long_window_s=90, matchers=('cluster="eu1"',))
    for metric, promql in fleet_queries(settings).items():
        assert promql.count("nv_") == promql.count('cluster="eu1"')
        if metric.endswith("Fast"):
            assert "[2500ms]" in promql
        elif "[" in promql:
            assert "[90s]" in promql


def test_label_names_are_the_installs() -> None:
    settings = ReadSettings(namespace_label="ns", pod_label="instance")
    for promql in fleet_queries(settings).values():
        assert promql.startswith("max by (ns, instance, model")
        for group in re.findall(r"by \(([^)]*)\)", promql):
            names = group.split(", ")
            assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fast_window_s": 0.5},
        {"fast_window_s": 61},
        {"fast_window_s": float("nan")},
        {"long_window_s": 5},
        {"stale_after_s": 0},
        {"stale_after_s": float("nan")},
        {"deadline_s": 0},
        {"concurrency": 0},
        {"pod_label": ""},
        {"pod_label": "pod) or (x"},
        {"namespace_label": "name-space"},
        {"target_labels": ("job,x",)},
        {"matchers": ('cluster="a"} or up{x="b"',)},
        {"matchers": ("cluster",)},
        {"matchers": ("",)},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|not a Prometheus label"):
        ReadSettings(**wrong)


@pytest.mark.parametrize("matcher", ['a="b"', 'a=~"b|c"', 'a!="\\"quoted\\""', 'a!~""'])
def test_matchers_that_work(matcher: str) -> None:
    assert ReadSettings(matchers=(matcher,)).matchers == (matcher,)
