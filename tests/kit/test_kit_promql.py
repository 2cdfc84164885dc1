"""PromQL taken apart: metrics, sides of conditions, any value of a label."""

from __future__ import annotations

import pytest

from e2e.kit.promql import metrics, parts, relaxed


@pytest.mark.parametrize(
    ("promql", "names"),
    [
        ("up", {"up"}),
        ("slo:a:ratio_rate5m{x='a > b'} / on (x) group_left (y) b", {"slo:a:ratio_rate5m", "b"}),
        ('sum by (pod, le) (rate(a_total{le="+Inf", pod=~"x"}[5m])) or vector(0)', {"a_total"}),
        ("time() - max(a) > bool 1e3", {"a"}),
        ('label_replace(a, "b", "$1", "c", "(.*)")', {"a"}),
        ("a offset 5m unless ignoring (c) b", {"a", "b"}),
        ("sum(a != b)", {"a", "b"}),
        ("14.4 * 0.01", set()),
    ],
)
def test_metrics_are_told_from_functions_labels_and_texts(promql: str, names: set[str]) -> None:
    assert metrics(promql) == names


@pytest.mark.parametrize(
    ("promql", "sides"),
    [
        ("a", ["a"]),
        ("a / (b > 0)", ["a / (b > 0)"]),  # no condition of the whole
        ("a > bool 1", ["a > bool 1"]),
        ("a / b > 0.9", ["a / b"]),
        ("time() - max by (x) (a) > 60", ["time() - max by (x) (a)"]),
        ("count(a) or vector(0)", ["count(a)"]),
        ("absent(a)", ["a"]),
        ("max by (x) (a) == 1 unless on (x) b == 1", ["max by (x) (a)", "b"]),
        ("(max without (w) (a > (6 * 0.01)) and max(b > 1)) or (c < 2)", ["a", "b", "c"]),
        ('a{x="or"} and on (x) (sum(b) > 180)', ['a{x="or"}', "sum(b)"]),
        ("min(a, b > 1)", ["min(a, b > 1)"]),
    ],
)
def test_the_sides_of_a_condition_are_what_has_to_be_there(promql: str, sides: list[str]) -> None:
    assert parts(promql) == sides


def test_any_value_of_a_label_that_is_asked_for() -> None:
    promql = 'max by (a) (m{a="x", b=~"y|z", c!="w"})'
    assert relaxed(promql) == 'max by (a) (m{a!="", b!="", c!="w"})'
