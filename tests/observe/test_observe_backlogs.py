"""Pods that had more to do than they could answer, as their queues tell."""

from __future__ import annotations

import pytest

from tests.observe.stories import Rows, pod, state
from trimtab.core.snapshot import Backlog, Pod
from trimtab.observe.errors import PrometheusTimeout
from trimtab.observe.queries import Metric

LATE = PrometheusTimeout("http://prometheus:9090", 5)
FLOODED = {Metric.PENDING: 90.0, Metric.GROWTH_FAST: 3.0, Metric.HITS_FAST: 10.0}


def test_a_pod_whose_queue_did_not_empty_tells_what_it_can_answer() -> None:
    """90 wait now, and at three more each second 60 did so ten seconds ago."""
    rows = Rows().add("a", but=FLOODED).add("b", but={Metric.PENDING: 0.0})
    (own,) = rows.read(state([pod("a"), pod("b")])).workloads
    assert own.backlogs == (Backlog(50.0, 60.0),)


@pytest.mark.parametrize(
    "but",
    [
        {Metric.GROWTH_FAST: 9.0},  # it began within the window
        {Metric.GROWTH_FAST: None},  # once scraped
        {Metric.SUCCESS_FAST: 0.0},  # it hangs
        {Metric.SUCCESS_FAST: None},
    ],
)
def test_a_queue_that_was_empty_a_moment_ago_tells_nothing(
    but: dict[Metric, float | None],
) -> None:
    (own,) = Rows().add("a", but=FLOODED | but).read(state([pod("a")])).workloads
    assert own.backlogs == ()


@pytest.mark.parametrize("young", [pod("a", ready_for_s=15.0), pod("a", ready_for_s=None)])
def test_the_first_executions_of_a_pod_tell_nothing_of_its_next(young: Pod) -> None:
    readings = Rows().add("a", but=FLOODED).add("b").read(state([young, pod("b")]))
    assert readings.workloads[0].backlogs == ()


@pytest.mark.parametrize("metric", [Metric.PENDING, Metric.GROWTH_FAST, Metric.HITS_FAST])
def test_what_was_not_answered_makes_no_backlog(metric: Metric) -> None:
    rows = Rows().add("a", but=FLOODED).fail(metric, LATE)
    assert rows.read(state([pod("a")])).workloads[0].backlogs == ()
