"""The latency as gateways tell it: whose word counts, how exact it is, and what stands in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.observe.gateways import FAST, SLOW, Gateway, routed
from tests.observe.stories import IDLE, NOW, SETTINGS, Rows, pod, spec, state
from trimtab.api.resources import LatencySourceType as Source
from trimtab.api.resources import ModelDeployment, ObjectKey
from trimtab.core.signals import Known, Missing, NoTraffic, Stale
from trimtab.core.snapshot import ModelState
from trimtab.observe.errors import PrometheusTimeout
from trimtab.observe.gateway_queries import GatewayMetric, gateway_queries, services
from trimtab.observe.histogram import le_ms_of
from trimtab.observe.queries import ReadSettings

REPOSITORY = Path(__file__).resolve().parents[2]
QUANTILES = dict.fromkeys((0.5, 0.99), 0.030)
TIMEOUT = PrometheusTimeout("http://p", 8.0)


def fleet(own: ModelDeployment | None = None) -> ModelState:
    return state([pod("a"), pod("b")], own or routed())


def busy() -> Rows:
    return Rows().add("a", quantiles_s=QUANTILES).add("b", quantiles_s=QUANTILES)


def missing(reading: object) -> str:
    assert isinstance(reading, Missing), reading
    return reading.reason


def test_behind_a_gateway_auto_reads_the_gateway() -> None:
    found = Gateway().envoy(FAST).read(fleet(), busy())
    assert found.latency_source == "GatewayHistogram (Envoy)"
    assert isinstance(found.latency_s, Known)
    assert found.latency_s.value == pytest.approx(0.0496, rel=0.01)
    assert found.latency_s.at_s == NOW - 3
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share == pytest.approx(0.001)
    assert found.latency_bucket.low_s == 0.026
    assert (found.latency_estimated, found.latency_note) == (False, "")


def test_behind_a_service_auto_reads_triton() -> None:
    found = Gateway().envoy(FAST).read(fleet(spec()), busy())
    assert (found.latency_source, found.latency_note) == ("TritonSummary", "")


def test_a_route_of_the_users_own_is_read_where_it_is_asked_for() -> None:
    found = Gateway().envoy(FAST).read(fleet(spec(Source.GATEWAY_HISTOGRAM)), busy())
    assert found.latency_source == "GatewayHistogram (Envoy)"


def test_without_a_bucket_at_the_target_it_is_an_estimate_that_names_the_bucket() -> None:
    defaults = {"25": 500, "50": 999, "100": 1000, "+Inf": 1000}
    found = Gateway().envoy(defaults).read(fleet(), busy())
    assert found.latency_estimated
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share is None
    assert "No bucket of the gateway ends at 50ms" in found.latency_note
    assert "between 26ms and 51ms" in found.latency_note
    assert "give it a bucket of 49 ms" in found.latency_note


@pytest.mark.parametrize(
    ("buckets", "reason"),
    [
        ({"25": 1, "+Inf": 1000}, "AboveHighestBucket"),
        ({"25": 180, "49": 95, "+Inf": 200}, "MixedBuckets"),
        ({}, "WindowTooShort"),
        ({"49": 10}, "WindowTooShort"),
    ],
)
def test_buckets_that_tell_nothing(buckets: dict[str, float], reason: str) -> None:
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    assert missing(Gateway().envoy(buckets).read(own, busy()).latency_s) == reason


def test_past_the_highest_bucket_a_lower_target_is_missed_for_certain() -> None:
    found = Gateway().envoy({"49": 900, "+Inf": 1000}).read(fleet(), busy())
    assert isinstance(found.latency_s, Known)
    assert found.latency_s.value > 0.05
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share == pytest.approx(0.1)


def test_no_series_falls_back_to_triton_and_says_so() -> None:
    found = Gateway().read(fleet(), busy())
    assert found.latency_source == "TritonSummary"
    assert found.latency_s == Known(0.03, NOW - 2)
    assert found.latency_bucket is None
    assert "The gateway's histogram is not used: Prometheus has no" in found.latency_note


def test_no_series_and_asked_for_is_missing_with_the_mend() -> None:
    found = Gateway().read(fleet(routed(Source.GATEWAY_HISTOGRAM)), busy())
    assert missing(found.latency_s) == "NoGatewaySeries"
    assert isinstance(found.latency_s, Missing)
    assert "shop/classifier" in found.latency_s.message
    assert (found.latency_source, found.latency_estimated) == ("GatewayHistogram", False)


def test_series_that_ended_are_not_read_though_the_window_still_holds_them() -> None:
    """delta() answers for a minute after the last sample; a verdict of then is not one of now."""
    gateway = Gateway().envoy(FAST)
    gateway.outcomes[GatewayMetric.ENVOY_NEWEST] = []
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    assert missing(gateway.read(own, busy()).latency_s) == "NoGatewaySeries"


def test_old_samples_are_stale_and_auto_leaves_them() -> None:
    gateway = Gateway().envoy(SLOW, age_s=31.0)
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    assert gateway.read(own, busy()).latency_s == Stale(31.0)
    found = gateway.read(fleet(), busy())
    assert found.latency_source == "TritonSummary"
    assert "too old" in found.latency_note


@pytest.mark.parametrize("metric", [GatewayMetric.ENVOY_BUCKETS, GatewayMetric.ENVOY_NEWEST])
def test_a_query_that_failed(metric: GatewayMetric) -> None:
    gateway = Gateway().envoy(FAST).fail(metric, TIMEOUT)
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    assert missing(gateway.read(own, busy()).latency_s) == "PrometheusTimeout"
    assert gateway.read(fleet(), busy()).latency_source == "TritonSummary"


def test_a_gateway_at_rest_is_no_traffic() -> None:
    rest = dict.fromkeys(FAST, 0.0)
    found = Gateway().envoy(rest).read(fleet(), Rows().add("a", IDLE).add("b", IDLE))
    assert found.latency_s == NoTraffic(NOW - 3)


def test_traffic_that_goes_round_the_gateway() -> None:
    rest = dict.fromkeys(FAST, 0.0)
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    assert missing(Gateway().envoy(rest).read(own, busy()).latency_s) == "NotThroughGateway"
    assert Gateway().envoy(rest).read(fleet(), busy()).latency_source == "TritonSummary"


def test_without_ready_pods_the_gateway_is_not_believed() -> None:
    found = Gateway().envoy(FAST).read(state([pod("a", None)], routed()), Rows())
    assert missing(found.latency_s) == "NoReadyPods"


def test_the_gateway_is_heard_while_tritons_counters_are_blind() -> None:
    found = Gateway().envoy(FAST).read(fleet(), Rows())
    assert isinstance(found.latency_s, Known)
    assert isinstance(found.arrival_rate, Missing)


def test_other_peoples_routes_change_nothing() -> None:
    gateway = Gateway().envoy(FAST).envoy(SLOW, route="shop/classifier2").envoy(SLOW, route="x")
    found = gateway.read(fleet(), busy())
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share == pytest.approx(0.001)


def test_istio_where_envoy_gateway_knows_nothing() -> None:
    found = Gateway().istio(FAST).read(fleet(), busy())
    assert found.latency_source == "GatewayHistogram (Istio)"


def test_istios_reporters_are_never_added_up() -> None:
    """A request past a gateway and a waypoint is told by both: added, it would count twice."""
    found = Gateway().istio(FAST).istio(SLOW, "waypoint").read(fleet(), busy())
    assert found.latency_source == "GatewayHistogram (Istio)"
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share == pytest.approx(0.001)


def test_a_waypoint_where_no_client_has_a_proxy() -> None:
    own = fleet()
    found = Gateway().istio(FAST, "waypoint").read(own, busy())
    assert found.latency_source == "GatewayHistogram (Istio waypoint)"
    at_rest = Gateway().istio(dict.fromkeys(FAST, 0.0)).istio(FAST, "waypoint")
    assert at_rest.read(own, busy()).latency_source == "GatewayHistogram (Istio waypoint)"


def test_a_servers_own_sidecar_is_no_witness() -> None:
    own = fleet(routed(Source.GATEWAY_HISTOGRAM))
    found = Gateway().istio(FAST, "destination").read(own, busy())
    assert missing(found.latency_s) == "NoGatewaySeries"


def test_the_services_of_the_variants_belong_to_the_model() -> None:
    gateway = Gateway().istio(FAST).istio(SLOW, service="classifier-fp32-cpu")
    found = gateway.istio(SLOW, service="classifier-of-others").read(fleet(), busy())
    assert found.latency_bucket is not None
    assert found.latency_bucket.late_share == pytest.approx(0.0505)


def test_no_query_where_no_model_asks_for_it() -> None:
    assert gateway_queries(SETTINGS, [spec(), spec(Source.TRITON_COUNTERS)]) == {}


def test_only_the_models_that_ask_are_asked_about() -> None:
    models = [
        routed(key=ObjectKey("shop", "a")),
        spec(key=ObjectKey("shop", "b")),
        spec(Source.GATEWAY_HISTOGRAM, key=ObjectKey("lab", "3d-unet")),
    ]
    queries = gateway_queries(ReadSettings(matchers=('cluster="eu1"',)), models)
    assert set(queries) == set(GatewayMetric)
    (unet, *_) = services(models[2])
    assert unet != "3d-unet"
    for metric, text in queries.items():
        name = "envoy_cluster_upstream" if "Envoy" in metric else "istio_request"
        assert text.count(f"{name}_") == text.count('cluster="eu1"') > 0
        if "Envoy" in metric:
            assert f"route/(lab/{unet}|shop/a)/rule/" in text
        else:
            assert 'destination_service_namespace=~"lab|shop"' in text
            assert "shop/b" not in text
            assert "b-fp32-cpu" not in text


def test_every_rule_and_backend_of_a_route_matches_and_no_other_route() -> None:
    (text, *_) = gateway_queries(SETTINGS, [routed()]).values()
    pattern = re.search(r'envoy_cluster_name=~"([^"]+)"', text)
    assert pattern is not None
    for good in (
        "httproute/shop/classifier/rule/0",
        "httproute/shop/classifier/rule/12/backend/3",
        "grpcroute/shop/classifier/rule/0/backend/0",
    ):
        assert re.fullmatch(pattern[1], good)
    for bad in (
        "httproute/shop/classifier2/rule/0",
        "httproute/shop2/classifier/rule/0",
        "tcproute/shop/classifier/rule/0",
        "securitypolicy/shop/classifier/0",
    ):
        assert not re.fullmatch(pattern[1], bad)


def test_the_example_of_envoy_gateway_has_a_bucket_for_every_target_it_names() -> None:
    text = (REPOSITORY / "examples/envoy-proxy.yaml").read_text()
    bootstrap = yaml.safe_load(yaml.safe_load(text)["spec"]["bootstrap"]["value"])
    (setting,) = bootstrap["stats_config"]["histogram_bucket_settings"]
    assert "envoy_cluster_upstream_rq_time".endswith(setting["match"]["suffix"])
    (targets,) = re.findall(r"Here: ([\d, ]+) and (\d+) ms, and 1 s\.", text)
    named = [*re.findall(r"\d+", targets[0]), targets[1], "1000"]
    assert len(named) == 7
    assert {le_ms_of(int(target) / 1000) for target in named} <= set(setting["buckets"])
    assert bootstrap["stats_flush_interval"] == "1s"
