"""What Envoy Gateway, its Envoy, and the DNS beside it are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from e2e.cluster import dns, images, prometheus
from e2e.cluster.errors import ClusterError
from e2e.cluster.gateway import NAME, NAMESPACE, PORT, buckets_ms, chart_values, manifest
from e2e.cluster.paths import PACKAGE
from e2e.cluster.versions import BINARIES

_VALUES = """\
global: {images: {envoyGateway: {image: "${GatewayImage}", pullPolicy: ${GatewayImagePullPolicy}}}}
topologyInjector: {enabled: true}
deployment: {envoyGateway: {resources: {limits: {memory: 1024Mi}, requests: {cpu: 100m}}}}
config: {envoyGateway: {provider: {type: Kubernetes}}}
"""


def _objects(text: str) -> dict[str, dict[str, Any]]:
    assert "${" not in text
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def _counts_less_than(label_ms: int) -> int:
    """What a bucket of Envoy's holds: all of the step, of two digits, that its label begins in."""
    step = 1
    while label_ms // step >= 100:
        step *= 10
    return (label_ms // step + 1) * step


@given(st.integers(2, 99), st.sampled_from((1, 10, 100, 1000)))
def test_a_bucket_ends_exactly_at_the_promise(digits: int, scale: int) -> None:
    told = buckets_ms(digits * scale)
    assert digits * scale in {_counts_less_than(label) for label in told}
    assert told[0] >= 1
    assert list(told) == sorted(set(told))


@given(st.integers(2, 99), st.sampled_from((1, 10, 100, 1000)))
def test_every_bucket_holds_what_its_label_and_one_more_say(digits: int, scale: int) -> None:
    for label in buckets_ms(digits * scale):
        assert _counts_less_than(label) == label + 1


def test_buckets_are_narrow_around_the_promise_and_reach_far_beyond() -> None:
    told = buckets_ms(150)
    at = told.index(149)
    assert told[at - 1 : at + 2] == (139, 149, 159)
    assert told[-1] == 4499


@pytest.mark.parametrize("slo_ms", [-1, 0, 1, 125, 1050])
def test_a_promise_that_envoy_cannot_count_is_refused(slo_ms: int) -> None:
    with pytest.raises(ClusterError, match=rf"slo_ms is {slo_ms}; .* two digits"):
        buckets_ms(slo_ms)


def test_envoy_is_told_its_buckets_and_to_merge_them_each_second() -> None:
    proxy = _objects(manifest(70))["EnvoyProxy"]
    bootstrap = yaml.safe_load(proxy["spec"]["bootstrap"]["value"])
    (setting,) = bootstrap["stats_config"]["histogram_bucket_settings"]
    assert setting["buckets"] == list(buckets_ms(70))
    assert setting["match"] == {"suffix": "upstream_rq_time"}
    assert bootstrap["stats_flush_interval"] == "1s"


def test_the_gateway_takes_routes_of_all_namespaces() -> None:
    found = _objects(manifest(150))
    gateway, of_class, proxy = found["Gateway"], found["GatewayClass"], found["EnvoyProxy"]
    assert gateway["metadata"] == {"name": NAME, "namespace": NAMESPACE}
    (listener,) = gateway["spec"]["listeners"]
    assert (listener["port"], listener["protocol"]) == (PORT, "HTTP")
    assert listener["allowedRoutes"] == {"namespaces": {"from": "All"}}
    assert gateway["spec"]["gatewayClassName"] == of_class["metadata"]["name"]
    parameters = of_class["spec"]["parametersRef"]
    assert proxy["metadata"] == {key: parameters[key] for key in ("name", "namespace")}


def test_every_pod_of_the_gateway_is_of_our_own_images() -> None:
    values = chart_values(_VALUES)
    assert values["global"]["images"]["envoyGateway"]["image"] == images.ENVOY_GATEWAY
    provider = values["config"]["envoyGateway"]["provider"]
    assert provider["type"] == "Kubernetes"
    assert provider["kubernetes"]["shutdownManager"]["image"] == images.ENVOY_GATEWAY
    assert values["topologyInjector"]["enabled"] is False
    assert values["deployment"]["envoyGateway"]["resources"]["limits"] == {"memory": "1024Mi"}
    deployment = _objects(manifest(150))["EnvoyProxy"]["spec"]["provider"]["kubernetes"]
    assert deployment["envoyDeployment"]["container"]["image"] == images.ENVOY


def test_a_variable_of_a_newer_chart_is_not_passed_over() -> None:
    with pytest.raises(ClusterError, match="a variable that nothing here sets"):
        chart_values(_VALUES + "new: ${NewImage}\n")


def test_envoy_asks_where_coredns_listens() -> None:
    found = _objects(dns.manifest())
    deployment = _objects(manifest(150))["EnvoyProxy"]["spec"]["provider"]["kubernetes"]
    pod = deployment["envoyDeployment"]["patch"]["value"]["spec"]["template"]["spec"]
    assert pod["dnsPolicy"] == "None"
    assert pod["dnsConfig"] == {"nameservers": [found["Service"]["spec"]["clusterIP"]]}
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == images.COREDNS
    corefile = found["ConfigMap"]["data"]["Corefile"]
    assert f"cluster.local:{container['ports'][0]['containerPort']} {{" in corefile


def test_no_name_is_asked_for_outside() -> None:
    corefile = _objects(dns.manifest())["ConfigMap"]["data"]["Corefile"]
    assert "forward" not in corefile
    assert "plugin/forward" not in (PACKAGE / "go" / "gateway" / "main.go").read_text()


def test_up_makes_no_image_that_only_some_ask_for() -> None:
    known = images.catalogue(lambda name: Path("/bin") / name)
    for reference in (images.COREDNS, images.ENVOY, images.ENVOY_GATEWAY, images.COMPRESS):
        assert known[reference].by_name
    for image in known.values():
        assert not set(image.programs) & set(BINARIES)
        assert image.by_name or not image.programs


def test_prometheus_reads_what_envoy_knows_of_backends() -> None:
    found = _objects(prometheus.manifest("prometheus:1"))
    config = yaml.safe_load(found["ConfigMap"]["data"]["prometheus.yml"])
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "envoy")
    assert job["metrics_path"] == "/stats/prometheus"
    labels = {rule.get("target_label") for rule in job["relabel_configs"]}
    assert {"namespace", "pod"} <= labels
