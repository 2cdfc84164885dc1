"""A Gateway splits traffic by weight between two backends, tells how long each took, speaks TLS.

On the embedded cluster alone, which brings the Gateway with it. The route of the first stories is
written by hand.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import socket
import ssl
import urllib.request
from collections import Counter
from dataclasses import dataclass

import pytest

from e2e.cluster import pki
from e2e.cluster.gateway import SLO_MS, SYSTEM
from e2e.kit.access import Access, wait_for
from e2e.kit.examples import EXAMPLES, dry_run, objects
from e2e.kit.gateway import Gateway, await_policy, await_route, failures_of
from e2e.kit.install import Images, install_prometheus
from e2e.kit.prometheus import ask
from e2e.kit.served import Stage
from e2e.load.payload import calls_for
from e2e.load.stats import Result, Summary, percentile, summarise

WEIGHTS = {"steady": 80, "new": 20}
CROWD = 1500
SECONDS, RATE = 60, 20  # an even load of so many requests/s
BOUND_OFF = 0.10  # of a bound of the histogram, that Gateway and clients may differ by
HOP_MS = 5.0  # between them on a busy machine, and what Envoy drops of a millisecond
FEW = 0.005  # of the requests
ROUTE = "digits"
BY_TRIMTAB = b"x-trimtab-accelerator-class: cpu-quarter"  # no route that is written by hand says so
# No proxy: these addresses are this machine's own, whatever the environment says.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def backend(stage: Stage, name: str) -> str:
    """Envoy's name for what stands at that place of the route's list."""
    place = list(WEIGHTS).index(name)
    return f"httproute/{stage.namespace}/{ROUTE}/rule/0/backend/{place}"


def route(stage: Stage, gateway: Gateway) -> dict[str, object]:
    """Without a filter of their own both backends were one to Envoy, with one latency for both."""

    def reference(name: str, weight: int) -> dict[str, object]:
        told = [{"name": "x-trimtab-variant", "value": name}]
        return {
            "name": name,
            "port": 8000,
            "weight": weight,
            "filters": [
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": told}}
            ],
        }

    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": ROUTE, "namespace": stage.namespace},
        "spec": {
            "parentRefs": [gateway.parent_ref],
            "rules": [{"backendRefs": [reference(*pair) for pair in WEIGHTS.items()]}],
        },
    }


@dataclass(frozen=True)
class Story:
    """A route that was under load, what the clients saw, and a Prometheus that watched it."""

    stage: Stage
    url: str
    prometheus: str
    results: tuple[Result, ...]
    summary: Summary

    def ask(self, metric: str, le: str = "") -> dict[tuple[str, ...], float]:
        """Values of this route by the labels `envoy_cluster_name`, `namespace`, `pod`."""
        ours = f'envoy_cluster_name=~"httproute/{self.stage.namespace}/.+",le=~"{le}"'
        names = ("envoy_cluster_name", "namespace", "pod")
        return {
            tuple(series.labels.get(name, "") for name in names): series.value
            for series in ask(self.prometheus, f"{metric}{{{ours}}}")
        }


@pytest.fixture(scope="module")
def story(access: Access, images: Images, gateway: Gateway, stage: Stage) -> Story:
    for name in WEIGHTS:
        stage.put(stage.digits(name, scaling={"minReplicas": 1, "maxReplicas": 1}))
    for name in WEIGHTS:
        stage.await_condition("Ready", "True", name=name, seconds=240)
    stage.put(route(stage, gateway))
    await_route(access, stage.namespace, ROUTE)
    with stage.load(gateway.url, f"{SECONDS}s@{RATE}") as load:
        results = load.report(SECONDS + 60).results
    prometheus = install_prometheus(access, images)
    return Story(stage, gateway.url, prometheus, results, summarise(results))


def test_every_request_is_answered(story: Story) -> None:
    assert story.summary.requests > 0.8 * SECONDS * RATE
    assert story.summary.failed == 0
    assert story.summary.accuracy is not None
    assert story.summary.accuracy > 0.95


def test_the_weights_hold(story: Story) -> None:
    served: dict[str, float] = {}

    def all_counted() -> bool:
        counts = story.ask("envoy_cluster_upstream_rq_total")
        served.update({key[0]: value for key, value in counts.items()})
        return sum(served.values()) >= story.summary.requests

    wait_for("Prometheus to have seen the last request", all_counted, seconds=15)
    # Nothing is tried twice, and nothing but the load came.
    assert sum(served.values()) == story.summary.requests
    for name, weight in WEIGHTS.items():
        share = 100 * served[backend(story.stage, name)] / story.summary.requests
        print(f"{name}: {share:.1f} % of {story.summary.requests} requests")
        assert share == pytest.approx(weight, abs=5)  # a draw of 1200 scatters by 1.2


def test_each_backend_has_a_histogram_with_a_bucket_that_ends_at_the_promise(story: Story) -> None:
    seen: dict[tuple[str, ...], float] = {}

    def all_counted() -> bool:
        seen.update(story.ask("envoy_cluster_upstream_rq_time_count"))
        return sum(seen.values()) >= story.summary.requests

    wait_for("Prometheus to have read the last histogram", all_counted, seconds=15)
    assert {key[0] for key in seen} == {backend(story.stage, name) for name in WEIGHTS}
    ((namespace, pod),) = {key[1:] for key in seen}
    assert namespace == SYSTEM
    assert pod in story.stage.access.kubectl("-n", SYSTEM, "get", "pods", "-o", "name")
    # The bucket of what took less than the promise; Prometheus 3 writes 149 as 149.0.
    label = SLO_MS - 1
    within = story.ask("envoy_cluster_upstream_rq_time_bucket", le=f"{label}|{label}.0")
    assert set(within) == set(seen)
    for key, count in seen.items():
        print(f"{key[0]}: {100 * within[key] / count:.1f} % within {SLO_MS} ms")
        assert 0 < within[key] <= count


def test_it_tells_of_every_latency_what_the_clients_had(story: Story) -> None:
    """At each bound of the histogram: a percentile is drawn between two, and is as good as they are
    close, which is within a tenth at the promise."""
    ours = f'envoy_cluster_name=~"httproute/{story.stage.namespace}/.+"'
    buckets = f"sum by (le) (envoy_cluster_upstream_rq_time_bucket{{{ours}}})"

    def counts() -> dict[float, float]:
        return {float(s.labels["le"]): s.value for s in ask(story.prometheus, buckets)}

    wait_for(
        "Prometheus to have read the last histogram",
        lambda: counts()[math.inf] >= story.summary.requests,
        seconds=15,
    )
    (p99,) = ask(story.prometheus, f"histogram_quantile(0.99, {buckets})")
    told = counts()
    # What the generator itself was late with, the Gateway could not see.
    seen_ms = sorted(1000 * (r.latency_s - r.lag_s) for r in story.results)
    print(
        f"p99 of {len(seen_ms)} requests: clients {percentile(seen_ms, 99):.1f} ms,"
        f" Gateway {p99.value:.1f} ms"
    )
    requests = told.pop(math.inf)
    in_time = sum(ms < SLO_MS for ms in seen_ms) / len(seen_ms)
    assert told[SLO_MS - 1] / requests == pytest.approx(in_time, abs=FEW)
    for label, count in sorted(told.items()):
        bound_ms, share = label + 1, count / requests
        off_ms = max(BOUND_OFF * bound_ms, HOP_MS)
        fewest, most = (
            sum(ms < bound_ms + off for ms in seen_ms) / len(seen_ms) for off in (-off_ms, off_ms)
        )
        print(f"within {bound_ms:.0f} ms: clients {fewest:.2%} to {most:.2%}, Gateway {share:.2%}")
        assert fewest - FEW <= share <= most + FEW


def test_an_answer_names_its_variant(story: Story) -> None:
    call = calls_for("digits", story.url.removeprefix("http://"))[0]
    head, _, body = call.request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    request = urllib.request.Request(
        story.url + first.split()[1],
        data=body,
        headers=dict(line.split(": ", 1) for line in lines),
    )
    with _open(request, timeout=10) as answer:
        assert answer.headers["x-trimtab-variant"] in WEIGHTS


@pytest.mark.parametrize("name", ["gateway.yaml", "envoy-proxy.yaml"])
def test_the_api_server_takes_the_examples(story: Story, name: str) -> None:
    """Here, where it knows their kinds."""
    dry_run(story.stage, objects(EXAMPLES / name))


def test_a_model_on_a_tls_listener_is_served_through_it_alone(
    story: Story, access: Access, gateway: Gateway
) -> None:
    host = "sealed.e2e.test"
    authority = with_tls_listener(access, gateway, host)
    routing = {**gateway.routing, "hostnames": [host]}
    routing["parentRef"] = {**gateway.parent_ref, "sectionName": "https"}
    story.stage.put(
        story.stage.digits("sealed", routing=routing, scaling={"minReplicas": 1, "maxReplicas": 1})
    )
    story.stage.await_condition("Ready", "True", name="sealed", seconds=240)
    trusting = ssl.create_default_context(cadata=authority)
    address = gateway.url.removeprefix("http://").partition(":")[0]

    def answer(port: int, context: ssl.SSLContext | None) -> bytes:
        with socket.create_connection((address, port), timeout=10) as plain:
            spoken = context.wrap_socket(plain, server_hostname=host) if context else plain
            with spoken:
                spoken.sendall(calls_for("digits", host)[0].request)
                return spoken.recv(65536).lower()

    wait_for(
        "an answer by TLS",
        lambda: BY_TRIMTAB in answer(443, trusting),
        seconds=30,
    )
    # What is not sealed goes to the route that takes all else.
    assert BY_TRIMTAB not in answer(80, None)
    with pytest.raises(ssl.SSLCertVerificationError):
        answer(443, ssl.create_default_context())


def test_more_may_wait_their_turn_than_envoy_would_let(
    story: Story, access: Access, gateway: Gateway
) -> None:
    """Its own limit is 1024 for a variant; one replica works that many off in some seconds."""
    host = "crowded.e2e.test"
    routing = {**gateway.routing, "hostnames": [host]}
    story.stage.put(
        story.stage.digits("crowded", routing=routing, scaling={"minReplicas": 1, "maxReplicas": 1})
    )
    story.stage.await_condition("Ready", "True", name="crowded", seconds=240)
    await_route(access, story.stage.namespace, "crowded")
    await_policy(access, story.stage.namespace, "crowded")
    one = {"200 OK": 1}
    wait_for("an answer", lambda: asyncio.run(crowd(gateway.url, host, 1)) == one, seconds=30)
    # A policy that is taken is in effect when Envoy has it too, which nobody tells.
    said: dict[str, int] = {}

    def none_is_refused() -> bool:
        said.clear()
        said.update(asyncio.run(crowd(gateway.url, host, CROWD)))
        return said == {"200 OK": CROWD}

    wait_for(
        "all of a crowd to be answered",
        none_is_refused,
        seconds=60,
        told=lambda: (said, failures_of(access)[:20]),
    )


async def crowd(url: str, host: str, clients: int) -> dict[str, int]:
    """So many ask at once, each on a connection of its own; how often each status was answered."""
    address, _, port = url.removeprefix("http://").partition(":")
    request = calls_for("digits", host)[0].request

    async def ask() -> str:
        reader, writer = await asyncio.open_connection(address, int(port))
        writer.write(request)
        status = await reader.readline()
        writer.close()
        return status.decode().partition(" ")[2].strip()

    async with asyncio.timeout(60.0):
        return dict(Counter(await asyncio.gather(*(ask() for _ in range(clients)))))


def with_tls_listener(access: Access, gateway: Gateway, host: str) -> str:
    """Gives the Gateway a listener with a certificate of `host`; returns whom to trust, as PEM."""
    authority = pki.authority("trimtab-e2e-clients")
    certificate, key = pki.issue(authority, pki.Identity("", host, "", (host,)))
    data = {"tls.crt": pki.pem(certificate), "tls.key": pki.pem(key)}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "sealed", "namespace": gateway.namespace},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(text).decode() for name, text in data.items()},
    }
    access.apply(json.dumps(secret))
    listener = {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "tls": {"certificateRefs": [{"name": "sealed"}]},
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    patch = [{"op": "add", "path": "/spec/listeners/-", "value": listener}]
    access.kubectl(
        *("-n", gateway.namespace, "patch", "gateway", gateway.name),
        *("--type=json", "-p", json.dumps(patch)),
    )
    return pki.pem(authority.certificate).decode()
