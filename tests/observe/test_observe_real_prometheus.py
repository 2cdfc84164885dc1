"""The query set against a real Prometheus, filled with ten minutes that Triton could have exported.

promtool writes the past into blocks, so nothing waits. Needs `prometheus` and `promtool`: named by
TRIMTAB_PROMETHEUS (the first of the two), on the PATH, or built by the embedded cluster.
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from e2e.cluster import binaries
from e2e.cluster.paths import Paths
from tests.observe.stories import KEY, MODEL, spec, state
from trimtab.api.resources import LatencySourceType, ObjectKey
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import ModelReadings, ModelState, Pod
from trimtab.observe.errors import PrometheusError
from trimtab.observe.fleet import read_fleet
from trimtab.observe.history import read_arrivals
from trimtab.observe.prometheus import ClientSettings, PrometheusClient, open_client
from trimtab.observe.queries import ReadSettings, fleet_queries, unlabelled_query

pytestmark = pytest.mark.cluster

STEP_S, PAST_S = 5, 600
PODMONITOR, ANNOTATIONS = {"job": "podmonitor"}, {"job": "annotations"}
SETTINGS = ReadSettings(fast_window_s=20)


def binary() -> Path | None:
    named = os.environ.get("TRIMTAB_PROMETHEUS") or shutil.which("prometheus")
    found = Path(named) if named else binaries.find(Paths.default(), "prometheus")
    return found if found.exists() and found.with_name("promtool").exists() else None


class History:
    """Samples in OpenMetrics text; without TYPE lines, as the format wants _total on counters."""

    def __init__(self, end_s: int) -> None:
        self.end_s = end_s
        self._series: dict[str, list[str]] = {}

    def line(
        self, name: str, labels: Mapping[str, str], start: float, per_s: float, **span: int
    ) -> None:
        """A series from `start` at `per_s` over the past, or over the seconds of it given."""
        # "reset" seconds ago the server restarted and counted from zero.
        reset = span.pop("reset", 0)

        def value(age: int) -> float:
            return per_s * (reset - age) if age < reset else start + per_s * (PAST_S - age)

        self.curve(f"nv_inference_{name}", labels, value, **span)

    def curve(
        self, name: str, labels: Mapping[str, str], value: Callable[[int], float], **span: int
    ) -> None:
        """A series whose value is of its age in seconds."""
        text = ",".join(f'{k}="{v}"' for k, v in labels.items())
        rows = self._series.setdefault(name, [])
        for age in range(span.get("since", PAST_S), span.get("until", 0) - 1, -STEP_S):
            rows.append(f"{name}{{{text}}} {value(age)} {self.end_s - age}")

    def triton(self, pod: str, per_s: float, *, job: Mapping[str, str], **more: int) -> None:
        """All counters of one pod: 1 in 10 rejected, no hit, batches of 4 in 8 ms, 3 ms queued."""
        own = {"namespace": "shop", "pod": pod, "model": MODEL, **job}
        for version, share in (("1", 0.75), ("2", 0.25)):
            labels, rate = {**own, "version": version}, per_s * share
            self.line("request_success", labels, 1000, rate, **more)
            self.line("count", labels, 1000, rate, **more)
            spans = {k: v for k, v in more.items() if k != "reset"}
            self.curve("nv_cache_num_hits_per_model", labels, lambda _: 0.0, **spans)
            self.line("exec_count", labels, 250, rate / 4, **more)
            self.line("queue_duration_us", labels, 0, rate * 3000, **more)
            for part, micros in (("input", 500), ("infer", 7000), ("output", 500)):
                self.line(f"compute_{part}_duration_us", labels, 0, rate * micros, **more)
            for reason, failed in (("REJECTED", 0.1), ("OTHER", 0.0)):
                failures = {**labels, "reason": reason}
                self.line("request_failure", failures, 0, rate * failed, **more)
            self.line("pending_request_count", labels, 0, 0.5, **more)
            for quantile in ("0.5", "0.99"):
                worst = 20_000 * float(quantile) if per_s else math.nan
                self.line("request_summary_us", {**labels, "quantile": quantile}, worst, 0, **more)

    def envoy(
        self,
        route: str,
        pod: str,
        counts: Mapping[str, Callable[[int], float]],
        *,
        backend: int = 0,
        job: Mapping[str, str] = PODMONITOR,
        **span: int,
    ) -> None:
        """One backend's histogram at one pod of Envoy Gateway, by `le` and age."""
        cluster = f"{route}/rule/0/backend/{backend}"
        own = {"envoy_cluster_name": cluster, "namespace": "gateways", "pod": pod, **job}
        for le, value in counts.items():
            name = "envoy_cluster_upstream_rq_time_bucket"
            self.curve(name, {**own, "le": le}, value, **span)

    def istio(self, reporter: str, late_per_s: float, **more: str) -> None:
        """One reporter's histogram of Service "mesh" at 100 requests/s."""
        own = {"reporter": reporter, "pod": f"{reporter}-proxy", "response_code": "200", **more}
        own |= {"destination_service_name": "mesh", "destination_service_namespace": "shop"}
        for le, rate in {"49": 100 - late_per_s, "+Inf": 100.0}.items():
            name = "istio_request_duration_milliseconds_bucket"
            self.curve(name, {**own, "le": le}, steadily(rate))

    def text(self) -> str:
        return "".join(f"{row}\n" for rows in self._series.values() for row in rows) + "# EOF\n"


@pytest.fixture(scope="module")
def past() -> History:
    history = History(int(time.time()) - 3600)
    history.triton("steady", 40, job=PODMONITOR)
    history.triton("steady", 40, job=ANNOTATIONS)  # matched by a second scrape config
    history.triton("restarted", 60, job=PODMONITOR, reset=30)
    history.triton("gone", 500, job=PODMONITOR, until=20)
    history.triton("idle", 0, job=PODMONITOR)
    history.triton("once", 40, job=PODMONITOR, since=0)
    gateways(history)
    return history


def steadily(per_s: float) -> Callable[[int], float]:
    """A counter that has counted so from the beginning."""
    return lambda age: 1000.0 + per_s * (PAST_S - age)


def gateways(history: History) -> None:
    """Routes in front of a model each, by the name of what befell them."""
    most, all_of = {"49": steadily(99.0), "+Inf": steadily(100.0)}, {"49": steadily(10.0)}
    all_of["+Inf"] = all_of["49"]
    for job in (PODMONITOR, ANNOTATIONS):
        history.envoy("httproute/shop/split", "envoy-1", most, job=job)
    history.envoy("httproute/shop/split", "envoy-2", most, backend=1)
    history.envoy("grpcroute/shop/split", "envoy-2", all_of)
    history.envoy("httproute/shop/split-2", "envoy-2", {"49": steadily(0.0), "+Inf": steadily(9.0)})
    history.envoy("httproute/shop/gone", "envoy-1", most, until=20)
    turned = {"49": lambda age: 10.0 * max(0, 40 - age), "+Inf": steadily(10.0)}
    history.envoy("httproute/shop/turned", "envoy-1", turned)
    anew = {le: lambda age: 1e3 - age if age >= 30 else 30.0 - age for le in ("49", "+Inf")}
    history.envoy("httproute/shop/restarted", "envoy-1", anew)
    for reporter, late_per_s in (("source", 2.0), ("waypoint", 50.0), ("destination", 90.0)):
        history.istio(reporter, late_per_s)
    history.istio("source", 4.0, response_code="503")


@pytest.fixture(scope="module")
def url(past: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = binary()
    if program is None:
        pytest.skip("no prometheus binary: set TRIMTAB_PROMETHEUS or install prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "past.txt").write_text(past.text())
    (folder / "config.yaml").write_text("scrape_configs: []\n")
    backfill = ["tsdb", "create-blocks-from", "openmetrics", "past.txt", "data"]
    tool = str(program.with_name("promtool"))
    subprocess.run([tool, *backfill], cwd=folder, check=True, capture_output=True)
    address = f"127.0.0.1:{unused_port()}"
    flags = ["--config.file=config.yaml", "--storage.tsdb.path=data"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [str(program), *flags, f"--web.listen-address={address}"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            asyncio.run(answers(f"http://{address}"))
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait(20)


async def answers(url: str) -> None:
    """Returns when Prometheus answers a query; TimeoutError after 30 s."""
    async with asyncio.timeout(30), open_client(ClientSettings(url)) as client:
        while True:
            try:
                await client.query("1", time.time())
            except PrometheusError:
                await asyncio.sleep(0.1)
            else:
                return


def fleet(past: History, *names: str, **changes: object) -> ModelState:
    made = past.end_s - PAST_S
    return state([Pod(n, made, made) for n in names], spec(**changes))  # type: ignore[arg-type]


async def read(client: PrometheusClient, of: ModelState, now_s: float) -> ModelReadings:
    return (await read_fleet(client, SETTINGS, [of], now_s))[KEY]


def near(reading: Reading, wanted: float, tolerance: float = 0.02) -> None:
    assert isinstance(reading, Known), reading
    assert reading.value == pytest.approx(wanted, rel=tolerance)


async def test_every_query_runs_and_answers(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        for metric, promql in fleet_queries(SETTINGS).items():
            samples = await client.query(promql, past.end_s)
            rows = [tuple(sorted(s.labels.items())) for s in samples]
            assert len(rows) == len(set(rows)) >= 3, metric
            assert {"namespace", "pod", "model"} <= set(samples[0].labels), metric


@pytest.mark.parametrize(
    "settings",
    [
        ReadSettings(fast_window_s=1.5, matchers=('cluster=~"eu|us"', 'job!="x"')),
        ReadSettings(namespace_label="exported_namespace", pod_label="kubernetes_pod_name"),
        ReadSettings(target_labels=("pod", "job")),
        ReadSettings(target_labels=()),
    ],
)
async def test_every_choice_of_labels_is_valid_promql(url: str, settings: ReadSettings) -> None:
    async with open_client(ClientSettings(url)) as client:
        asked = fleet_queries(settings).values()
        for promql in (*asked, unlabelled_query(settings)):
            await client.query(promql, 0)


async def test_series_that_lack_a_label_are_shown_with_those_they_have(
    url: str, past: History
) -> None:
    async with open_client(ClientSettings(url)) as client:
        assert await client.query(unlabelled_query(SETTINGS), past.end_s) == []
        other = replace(SETTINGS, pod_label="kubernetes_pod_name")
        found = await client.query(unlabelled_query(other), past.end_s)
    (one,) = found
    assert {"namespace", "pod", "model", "job"} <= set(one.labels)


async def test_a_pod_scraped_twice_counts_once(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        found = await read(client, fleet(past, "steady"), past.end_s)
    near(found.arrival_rate, 40 * 1.1 + 1)  # versions and reasons add up, and the backlog grows
    near(found.arrival_rate_fast, 40 * 1.1 + 1)
    near(found.failure_rate, 4)
    near(found.pending, 600)
    near(found.latency_s, 0.0198)
    (own,) = found.workloads
    near(own.rate, 40)
    near(own.batch_rate, 10)
    near(own.batch_size, 4)
    near(own.service_time_s, 0.008)
    near(own.queue_time_s, 0.003)


async def test_a_restart_is_no_negative_traffic(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        found = await read(client, fleet(past, "restarted"), past.end_s)
    near(found.workloads[0].rate, 60, 0.12)  # what was counted between scrape and restart is lost


async def test_pods_that_are_gone_or_idle(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        with_gone = await read(client, fleet(past, "steady"), past.end_s)
        idle = await read(client, fleet(past, "idle"), past.end_s)
        both = await read(client, fleet(past, "steady", "idle"), past.end_s)
    near(with_gone.workloads[0].rate, 40)
    assert idle.workloads[0].rate == NoTraffic(past.end_s)
    assert idle.latency_s == NoTraffic(past.end_s)
    near(both.latency_s, 0.0198)


async def test_a_pod_scraped_once_has_no_rate(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        found = await read(client, fleet(past, "once"), past.end_s)
    assert isinstance(found.arrival_rate, Missing)
    assert found.arrival_rate.reason == "WindowTooShort"


async def test_prometheus_stops_ingesting(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        near((await read(client, fleet(past, "steady"), past.end_s + 29)).pending, 600)
        for age in (31, 200):
            stale = await read(client, fleet(past, "steady"), past.end_s + age)
            assert stale.arrival_rate == Stale(age)
        nothing = await read(client, fleet(past, "steady"), past.end_s + 400)
    assert isinstance(nothing.arrival_rate, Missing)
    assert nothing.arrival_rate.reason == "NoSeries"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("nv_inference_pending_request_count", "AmbiguousResult"),
        ("absent_metric", "EmptyResult"),
        ("0 / 0", "NotANumber"),
        ("max(", "PrometheusQueryError"),
        ("nv_inference_count[1m]", "PrometheusMalformed"),
        ("0.042", None),
    ],
)
async def test_the_users_query(url: str, past: History, query: str, reason: str | None) -> None:
    of = fleet(past, "steady", source=LatencySourceType.PROM_QL, query=query)
    async with open_client(ClientSettings(url)) as client:
        found = (await read(client, of, past.end_s)).latency_s
    assert (found.reason if isinstance(found, Missing) else None) == reason


async def gateway_readings(
    client: PrometheusClient, past: History, name: str, later_s: float = 0
) -> ModelReadings:
    source = LatencySourceType.GATEWAY_HISTOGRAM
    of = fleet(past, "steady", source=source, key=ObjectKey("shop", name))
    return (await read_fleet(client, SETTINGS, [of], past.end_s + later_s))[of.spec.key]


def late_share(found: ModelReadings) -> float:
    assert found.latency_bucket is not None, found.latency_s
    assert found.latency_bucket.late_share is not None
    return found.latency_bucket.late_share


async def test_a_gateways_backends_rules_and_pods_are_one_histogram(
    url: str, past: History
) -> None:
    """3 x 1 late of 3 x 100 (one pod is scraped twice), and none of 10 by gRPC."""
    async with open_client(ClientSettings(url)) as client:
        found = await gateway_readings(client, past, "split")
    assert found.latency_source == "GatewayHistogram (Envoy)"
    assert late_share(found) == pytest.approx(3 / 310, rel=1e-9)
    near(found.latency_s, 0.05 * (0.99 * 310) / 307)


async def test_a_gateway_that_turned_fast_has_no_fast_request_too_few(
    url: str, past: History
) -> None:
    """Of the 55 s between the window's samples 40 were fast; rate() of each bucket says less."""
    series = 'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~".+/turned/.+", le="%s"}'
    rate = " / ignoring (le) ".join(f"rate({series % le}[60s])" for le in ("49", "+Inf"))
    async with open_client(ClientSettings(url)) as client:
        found = await gateway_readings(client, past, "turned")
        (by_rate,) = await client.query(rate, past.end_s)
    assert late_share(found) == pytest.approx(15 / 55, rel=1e-9)
    assert by_rate.value == pytest.approx(40 / 60, rel=1e-3)


async def test_a_gateway_that_restarted_or_fell_silent(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        restarted = await gateway_readings(client, past, "restarted")
        fresh = await gateway_readings(client, past, "gone")
        stale = await gateway_readings(client, past, "gone", later_s=20)
        gone = await gateway_readings(client, past, "gone", later_s=400)
        never = await gateway_readings(client, past, "nobody")
    for reading, reason in ((restarted, "WindowTooShort"), (never, "NoGatewaySeries")):
        assert isinstance(reading.latency_s, Missing)
        assert reading.latency_s.reason == reason
    assert isinstance(fresh.latency_s, Known)
    assert stale.latency_s == Stale(40)
    assert isinstance(gone.latency_s, Missing)


async def test_istio_as_who_sends_the_requests_tells_it(url: str, past: History) -> None:
    async with open_client(ClientSettings(url)) as client:
        found = await gateway_readings(client, past, "mesh")
    assert found.latency_source == "GatewayHistogram (Istio)"
    assert late_share(found) == pytest.approx(6 / 200, rel=1e-9)


async def test_history_is_counted_as_the_present_is(url: str, past: History) -> None:
    """Pods that have gone since count for the time they served; a pod scraped twice counts once."""
    start_s = past.end_s - PAST_S
    async with open_client(ClientSettings(url)) as client:
        rates = await read_arrivals(client, SETTINGS, start_s, steps=PAST_S // 60 + 5, step_s=60)
    steps = rates["shop", MODEL]
    # steady 40, restarted 60 and gone 500 a second, and one in ten more that was rejected.
    assert steps[4] == pytest.approx(1.1 * 600, rel=0.02)
    assert max(steps) < PAST_S // 60 + 2, "the time after the last sample is unknown, and no zero"


async def test_a_thousand_models_cost_fifteen_queries(url: str, past: History) -> None:
    states = [fleet(past, "steady", key=ObjectKey("shop", f"m{i}")) for i in range(1000)]
    async with open_client(ClientSettings(url)) as client:
        began = time.perf_counter()
        found = await read_fleet(client, SETTINGS, states, past.end_s)
    assert len(found) == 1000
    assert time.perf_counter() - began < 5
