"""What the benchmark at scale makes of its notes, and what it deploys."""

from __future__ import annotations

import json

import pytest

from bench.scale import fleet
from bench.scale.figures import (
    Request,
    Span,
    Tick,
    figures_of,
    full_plan_s,
    percentile,
    request_of,
    ticks_of,
    watch_restarts,
)
from bench.scale.load import Counters, exposition, rate
from trimtab.api.parse import (
    parse_accelerator_class,
    parse_inference_budget,
    parse_model_deployment,
)
from trimtab.api.resources import ObjectKey
from trimtab.observe.queries import TRITON_METRICS


def test_only_what_lies_in_a_stretch_counts_for_it() -> None:
    ticks = [Tick(at, took, 0.0, True) for at, took in ((99, 7.0), (105, 0.2), (110, 0.4))]
    asked = [
        Request(101.0, "list", "pods"),
        Request(102.0, "patch", "deployments"),
        Request(99.0, "patch", "modeldeployments/status"),
        Request(103.0, "update", "leases"),
    ]
    figures = figures_of(Span(100.0, 120.0, 5.0, 7.0), ticks, asked)
    assert figures["ticks"] == 2
    assert (figures["tick_seconds_p50"], figures["tick_seconds_p99"]) == (0.2, 0.4)
    assert figures["api_requests_per_second"] == {
        "reads": 0.05,
        "writes": 0.05,
        "lease": 0.05,
    }
    assert figures["writes"] == {"patch deployments": 1}
    assert figures["cpu_share"] == 0.1


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (99, 4.0), (25, 1.0)])
def test_a_percentile_is_a_value_that_occurred(percent: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value
    assert percentile([], percent) is None


def test_a_watch_counts_once_by_its_start() -> None:
    def line(verb: str, stage: str) -> str:
        return json.dumps(
            {
                "verb": verb,
                "stage": stage,
                "stageTimestamp": "1970-01-01T00:01:40.500000Z",
                "objectRef": {"resource": "modeldeployments", "subresource": "status"},
            }
        )

    assert request_of(line("watch", "ResponseComplete")) is None
    begun = request_of(line("watch", "ResponseStarted"))
    assert begun == Request(100.5, "watch", "modeldeployments/status")
    assert not begun.writes
    written = request_of(line("patch", "ResponseComplete"))
    assert written is not None
    assert written.writes


def test_watches_beyond_the_first_of_each_resource_are_restarts() -> None:
    begun = [Request(0.0, "watch", r) for r in ("pods", "nodes", "pods", "pods")]
    assert watch_restarts([*begun, Request(0.0, "list", "pods")]) == 2


def test_a_tick_that_decided_nothing_is_no_plan() -> None:
    lines = [
        json.dumps({"at_s": at_s, "seconds": 1.0, "cpu_s": 1.0, "decided_s": decided_s})
        for at_s, decided_s in ((103.0, 0.0), (109.0, 108.9))
    ]
    assert full_plan_s(ticks_of(lines), started_s=100.0) == 9.0
    assert full_plan_s([], started_s=100.0) is None


def test_everything_that_is_deployed_is_accepted() -> None:
    models = fleet.models(60)
    parsed = []
    for model in models:
        obj = fleet.model_deployment(model)
        obj["metadata"] |= {"uid": model.name, "generation": 1}
        parsed.append(parse_model_deployment(obj))
    assert {len(p.variants) for p in parsed} == {5}
    shared = fleet.shared(models)
    classes = {parse_accelerator_class(o).name for o in shared if o["kind"] == "AcceleratorClass"}
    budgets = {parse_inference_budget(o).key for o in shared if o["kind"] == "InferenceBudget"}
    for spec in parsed:
        assert ObjectKey(spec.key.namespace, spec.budget_ref or "") in budgets
        assert {c for v in spec.variants for c in v.accelerator_classes} == classes


def test_there_are_as_many_nodes_as_were_asked_for_and_some_of_each_pool() -> None:
    nodes = list(fleet.nodes(21))
    assert len({n["metadata"]["name"] for n in nodes}) == 21
    pools = [n["metadata"]["labels"]["example.com/pool"] for n in nodes]
    assert set(pools) == {"cpu", "l4", "a100"}


def test_loads_rest_until_they_move() -> None:
    resting, jumping = fleet.models(11)[5], fleet.models(11)[10]
    assert rate(resting, None) == rate(resting, 0.0) == resting.rate
    assert rate(resting, 150.0) != resting.rate
    assert rate(jumping, 60.0) > 1.7 * rate(jumping, 59.9)


def test_a_pod_counts_as_triton_does() -> None:
    model = fleet.Model(0, 10.0, 0.040)
    counters = Counters()
    counters.advance(model, "fp32", "cpu", 10.0, 5.0)
    assert counters.success == 50.0
    assert counters.executions == 50.0  # one at a time: it can do 25 of them a second
    assert counters.compute_us == pytest.approx(50 * 40_000)
    text = exposition("team-000", "p", model.name, counters)
    shown = {line.split("{")[0] for line in text.splitlines()}
    assert shown == set(TRITON_METRICS) - {"nv_cache_num_hits_per_model"}


def test_batches_grow_with_the_load_without_a_jump() -> None:
    """Or a fleet is late at one load, on time a little below it, and never comes to rest."""
    model, last_us = fleet.Model(0, 10.0, 0.040), 0.0
    for per_s in range(1, 60):
        counters = Counters()
        counters.advance(model, "fp32", "l4", float(per_s), 1.0)
        assert 1.0 <= per_s / counters.executions <= 16.0
        assert last_us <= counters.latency_us <= max(1.2 * last_us, 10_000.0)
        last_us = counters.latency_us
