"""A story of the response cache: a load of images that repeat, then of images that never were."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.kit.access import wait_for
from e2e.kit.recorder import Recorder
from e2e.kit.saturation import step_beyond
from e2e.kit.served import Stage
from e2e.load.generator import Report
from e2e.load.stats import summarise

REPEATED, REPEATED_S = 64, 240
DISTINCT_S = 200


@dataclass
class Served:
    """A model with a cache, the rate it is asked at, and the record of it."""

    stage: Stage
    url: str
    rate: int
    record: Recorder
    few: int = 0


@pytest.fixture(scope="module")
def served(stage: Stage, most: float) -> Iterator[Served]:
    """The digits model with a response cache."""
    batching = {"maxBatchSize": 8}
    triton = {"image": stage.images.triton, "dynamicBatching": batching}
    stage.put(stage.digits(triton={**triton, "responseCache": {"size": "64Mi"}}))
    stage.await_condition("Ready", "True", seconds=240)
    with stage.record() as record:
        yield Served(stage, stage.way_in(), step_beyond(most), record)


def hit_share(stage: Stage) -> float:
    """The share of the requests that the caches answered, as the status tells; -1 for none."""
    told = (stage.status().get("responseCache") or {}).get("hitShare")
    return -1.0 if told is None else float(told.removesuffix(" %")) / 100


def planned_for(stage: Stage) -> float:
    """Requests per second that the last decision planned for."""
    return float(stage.status()["decision"]["demandRate"].split()[0])


def test_1_a_fleet_for_repeated_images_is_as_small_as_what_executes(served: Served) -> None:
    schedule = f"{REPEATED_S}s@{served.rate}"
    with served.stage.load(served.url, schedule, seed=5, variety=REPEATED) as load:
        wait_for("hits", lambda: hit_share(served.stage) > 0.9, seconds=150)
        report = load.report(REPEATED_S + 60)
    served.few = served.stage.replicas()
    told(served, "repeated", report)
    assert "past the caches" in served.stage.status()["decision"]["summary"]
    assert planned_for(served.stage) < 0.35 * served.rate  # a quarter at least, and the headroom


def test_2_it_grows_when_the_same_rate_is_of_distinct_images(served: Served) -> None:
    schedule = f"{DISTINCT_S}s@{served.rate}"
    # More than are sent: none comes twice.
    variety = 2 * DISTINCT_S * served.rate
    with served.stage.load(served.url, schedule, seed=7, variety=variety) as load:
        began_s = time.time()
        wait_for("more replicas", lambda: served.stage.replicas() > served.few, seconds=60)
        print(f"more replicas were asked for {time.time() - began_s:.1f} s after the first request")
        report = load.report(DISTINCT_S + 60)
    told(served, "distinct", report)
    assert hit_share(served.stage) < 0.1
    # How many replicas that takes depends on the machine; that all of it is planned for does not.
    assert planned_for(served.stage) > 0.9 * served.rate
    assert served.stage.replicas() > served.few


def test_3_without_the_cache_pods_are_made_anew_and_no_request_is_lost(served: Served) -> None:
    with served.stage.load(served.url, f"90s@{served.rate // 4}", variety=REPEATED) as load:
        served.stage.put(served.stage.digits())
        wait_for(
            "pods without a cache",
            lambda: "responseCache" not in served.stage.status(),
            seconds=150,
        )
        report = load.report(150)
    told(served, "without", report)
    (deployment,) = served.stage.get("deployments")["items"]
    (triton,) = deployment["spec"]["template"]["spec"]["containers"]
    assert not [a for a in triton["args"] if a.startswith("--cache-config")]


def told(served: Served, name: str, report: Report) -> None:
    """What came of a load: no request failed, and every answer was the model's."""
    everything = summarise(report.results)
    last = summarise(report.results, report.elapsed_s - 60.0, report.elapsed_s)
    hits = (served.stage.status().get("responseCache") or {}).get("hitShare", "no cache, none")
    rate = everything.requests / report.elapsed_s
    print(
        f"{name}: {rate:.0f} requests/s, {hits} hit, {served.stage.replicas()} replicas,"
        f" p50 {1000 * (last.p50_s or 0):.1f} ms, p99 {1000 * (last.p99_s or 0):.1f} ms in the last"
        f" minute, {everything.max_s or 0:.1f} s the latest of all;"
        f" {served.stage.status()['decision']['summary']}"
    )
    assert everything.failed == 0, everything.errors
    assert everything.accuracy is not None
    assert everything.accuracy > 0.95
