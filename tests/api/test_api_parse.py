"""From objects to resources: defaults, base units, and sentences instead of tracebacks."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.manifest_cases import MANIFESTS, PARSERS, documents
from trimtab.api import resources as r
from trimtab.api.parse import (
    parse_accelerator_class,
    parse_inference_budget,
    parse_model_deployment,
)


def good(name: str, kind: str = "ModelDeployment") -> dict[str, Any]:
    """The only object of that kind in a good manifest."""
    (found,) = (d for d in documents(MANIFESTS / "good" / f"{name}.yaml") if d["kind"] == kind)
    return found


def problems_of(obj: Any, kind: str = "ModelDeployment") -> tuple[str, ...]:
    with pytest.raises(r.InvalidResource) as refusal:
        PARSERS[kind](obj)
    return refusal.value.problems


def test_a_whole_model_deployment() -> None:
    obj = good("auto-gpu-and-cpu")
    obj["metadata"] |= {"namespace": "shop", "uid": "u-1", "generation": 7, "managedFields": []}
    obj["status"] = {"whatever": "trimtab wrote"}
    assert parse_model_deployment(obj) == r.ModelDeployment(
        key=r.ObjectKey("shop", "classifier"),
        uid="u-1",
        generation=7,
        model="image_classifier",
        slo=r.LatencySlo(percentile=99.0, target_s=0.05),
        triton=r.TritonSettings(
            image="registry.example/triton:25.10", max_batch_size=16, max_queue_size=200
        ),
        variants=(
            r.Variant(
                name="fp32",
                accuracy=Decimal("0.912"),
                source=r.ImageSource("registry.example/models/classifier:fp32", "models"),
                accelerator_classes=("l4", "cpu"),
                profiles=(
                    r.Profile(
                        accelerator_class="l4",
                        points=(r.ProfilePoint(1, 0.0041), r.ProfilePoint(8, 0.0095)),
                        accuracy=Decimal("0.901"),
                    ),
                ),
            ),
            r.Variant(
                name="int8",
                accuracy=Decimal("0.905"),
                source=r.ImageSource("registry.example/models/classifier:int8"),
                accelerator_classes=("cpu",),
            ),
        ),
        objective=r.Objective.MINIMIZE_COST,
        min_accuracy=Decimal("0.88"),
        budget_per_hour=Decimal("4.00"),
        budget_ref="vision",
        priority=100,
        scaling=r.Scaling(r.ScalingMode.AUTO, 1, 20, 300.0, None),
        latency_source=r.LatencySource(r.LatencySourceType.AUTO),
    )


def test_the_least_that_is_enough() -> None:
    """Defaults are those of the dataclasses; without a cluster there is no uid."""
    parsed = parse_model_deployment(good("minimal"))
    assert parsed == r.ModelDeployment(
        key=r.ObjectKey("default", "minimal"),
        uid="",
        generation=0,
        model="image_classifier",
        slo=r.LatencySlo(99.0, 0.05),
        triton=r.TritonSettings(image="registry.example/triton:25.10"),
        variants=parsed.variants,
    )


def test_manual_mode() -> None:
    assert parse_model_deployment(good("manual")).scaling == r.Scaling(
        mode=r.ScalingMode.MANUAL, manual=r.ManualScale("int8", "cpu", 2)
    )


def test_latency_from_promql() -> None:
    source = parse_model_deployment(good("advise-promql")).latency_source
    assert source.type is r.LatencySourceType.PROM_QL
    assert source.query is not None
    assert source.query.startswith("histogram_quantile")


def test_percentiles_with_decimals() -> None:
    assert parse_model_deployment(good("percentile-string")).slo == r.LatencySlo(99.9, 1.5)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("claim-source", r.PvcSource("models", "vision/v2")),
        ("uri-source", r.UriSource("s3://https://minio.example:9000/models/a", "minio")),
        ("host-path-source", r.HostPathSource("/var/lib/models")),
    ],
)
def test_sources(name: str, source: r.ModelSource) -> None:
    assert parse_model_deployment(good(name)).variants[0].source == source


def test_triton_settings() -> None:
    triton = parse_model_deployment(good("triton-settings")).triton
    assert triton.image_pull_secrets == ("registry",)
    assert triton.image_pull_policy == "IfNotPresent"
    assert triton.extra_args[0] == "--log-verbose=1"
    assert (triton.max_batch_size, triton.max_queue_size, triton.instance_count) == (1024, 0, 2)


def test_accelerator_classes() -> None:
    parsed = [parse_accelerator_class(d) for d in documents(MANIFESTS / "good" / "classes.yaml")]
    by_name = {accelerator_class.name: accelerator_class for accelerator_class in parsed}
    assert by_name["l4-x2"].resources == (
        ("cpu", "4"),
        ("memory", "16Gi"),
        ("nvidia.com/gpu", "2"),
    )
    assert by_name["cpu-half"].price_per_hour == Decimal(0), "free is not unknown"
    assert by_name["no-price"].price_per_hour is None
    assert by_name["no-price"].tolerations[1] == r.Toleration(
        key="spot", value="true", effect="NoExecute", toleration_seconds=30
    )


def test_inference_budgets() -> None:
    budget = parse_inference_budget(good("auto-gpu-and-cpu", "InferenceBudget"))
    assert budget == r.InferenceBudget(r.ObjectKey("default", "vision"), Decimal("12.00"))


def test_a_null_is_an_absence_as_for_the_api_server() -> None:
    parsed = parse_model_deployment(good("nulls-are-absences"))
    assert parsed.budget_per_hour is None
    assert parsed.scaling == r.Scaling()


def test_a_fleet_shrinks_as_its_start_up_allows_unless_told_otherwise() -> None:
    assert parse_model_deployment(good("minimal")).scaling.scale_down_stabilization_s is None


def test_a_gateway_is_of_the_models_namespace_unless_another_is_named() -> None:
    obj = good("minimal")
    obj["metadata"]["namespace"] = "shop"
    obj["spec"]["routing"] = {"type": "Gateway", "parentRef": {"name": "edge"}}
    own = parse_model_deployment(obj).routing
    assert own == r.Routing(r.RoutingType.GATEWAY, r.ParentRef("shop", "edge"))
    named = parse_model_deployment(good("gateway")).routing
    assert named.parent == r.ParentRef("infra", "edge", "http")
    assert named.hostnames == ("classifier.models.example", "*.classifier.models.example")


def test_a_gateway_needs_its_name() -> None:
    obj = good("minimal")
    obj["spec"]["routing"] = {"type": "Gateway"}
    (problem,) = problems_of(obj)
    assert problem.startswith("spec.routing: routing.parentRef is required with type Gateway: name")


@pytest.mark.parametrize(
    ("size", "held"), [("64Mi", 2**26), (1_048_576, 2**20), ("1.5Gi", 3 * 2**29), ("1Ti", 2**40)]
)
def test_a_cache_is_counted_in_bytes(size: str | int, held: int) -> None:
    obj = good("triton-settings")
    obj["spec"]["triton"]["responseCache"] = {"size": size}
    assert parse_model_deployment(obj).triton.cache_bytes == held


def test_all_problems_are_told_at_once() -> None:
    obj = good("auto-gpu-and-cpu")
    obj["spec"]["slo"]["latency"] = {"percentile": 101, "target": "50"}
    obj["spec"]["budget"]["perHour"] = "-1"
    obj["spec"]["variants"][0]["source"]["uri"] = "s3://models/a"
    obj["spec"]["variants"][1]["accuracy"] = "1.2"
    obj["spec"]["routing"] = {"type": "Gateway"}
    fields = [problem.split(" ")[0].rstrip(":") for problem in problems_of(obj)]
    assert fields == [
        "spec.slo.latency.percentile",
        "spec.slo.latency.target",
        "spec.budget.perHour",
        "spec.routing",
        "spec.variants[0].source",
        "spec.variants[1].accuracy",
    ]


def test_several_rules_of_one_block_are_told_at_once() -> None:
    obj = good("manual")
    obj["spec"]["scaling"] |= {"minReplicas": 5, "maxReplicas": 2}
    told = "\n".join(problems_of(obj))
    assert "minReplicas has no effect" in told
    assert "maxReplicas has no effect" in told
    assert "minReplicas is above maxReplicas" in told


def test_a_sentence_has_field_value_and_mend() -> None:
    obj = good("minimal")
    obj["spec"]["slo"]["latency"]["target"] = "50 parsecs"
    (problem,) = problems_of(obj)
    assert problem == (
        'spec.slo.latency.target is "50 parsecs": write a time above 0 and at most 1h with its '
        "unit (us, ms, s, m or h), such as 50ms, 4100us or 9.5ms"
    )


def test_a_later_version_is_not_guessed_at() -> None:
    obj = good("minimal") | {"apiVersion": "trimtab.dev/v1"}
    (problem,) = problems_of(obj)
    assert problem == "apiVersion is \"trimtab.dev/v1\": choose one of 'trimtab.dev/v1alpha1'"


def test_values_are_parsed_and_not_changed() -> None:
    obj = good("auto-gpu-and-cpu")
    before = copy.deepcopy(obj)
    parse_model_deployment(obj)
    assert obj == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.sampled_from(sorted(PARSERS)), json_values)
def test_whatever_it_is_there_is_a_sentence(kind: str, value: Any) -> None:
    """A traceback here would stop the operator for every other ModelDeployment."""
    assert all(problems_of(value, kind))


@settings(max_examples=50)
@given(st.data())
def test_whatever_stands_in_a_field_there_is_a_sentence_or_a_resource(data: st.DataObject) -> None:
    obj = good("auto-gpu-and-cpu")
    at: Any = obj["spec"]
    while True:
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not at[key] or not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(json_values)
    told: tuple[str, ...] = ()
    try:
        parse_model_deployment(obj)
    except r.InvalidResource as refusal:
        told = refusal.problems
    assert all(problem.startswith("spec") for problem in told)
