"""A model behind a Gateway under load: its variants share the traffic, and the operator is killed
while it moves."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal

import pytest

from e2e.cluster.gateway import SLO_MS
from e2e.kit.access import Access, wait_for
from e2e.kit.gateway import Gateway, await_route, failures_of
from e2e.kit.recorder import Moment, Recorder
from e2e.kit.saturation import easy_load
from e2e.kit.served import Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import summarise

MODEL = "digits"
BUDGET, FLOOR = Decimal("0.60"), Decimal("0.97")
LOW_S, HIGH_S, AFTER_S = 40, 330, 240
# More than six replicas of the accurate variant answer in time; the budget holds no seventh.
TIMES = 2.0
FAST = "digits-int8-cpu-quarter"


@dataclass(frozen=True)
class Story:
    """The load and the records that all chapters share."""

    stage: Stage
    load: LoadProcess
    record: Recorder
    started_s: float

    def wait_until(self, second: float) -> None:
        """Sleeps until that second of the load."""
        time.sleep(max(0.0, self.started_s + second - time.time()))

    def share_of_fast(self) -> float:
        """The part of the traffic that the fast variant is to get."""
        found = weights(self.record.last)
        return found.get(FAST, 0) / max(1, sum(found.values()))

    def listings(self) -> list[Moment]:
        """The moments in which the route's list was another than before."""
        seen = [next(group) for _, group in itertools.groupby(self.record.moments, _backends)]
        return [moment for moment in seen if moment.backends]


@pytest.fixture(scope="module")
def story(access: Access, gateway: Gateway, stage: Stage, most: float) -> Iterator[Story]:
    stage.put(stage.digits(objective="MaximizeAccuracy", routing=gateway.routing))
    stage.await_condition("Ready", "True", seconds=240)
    await_route(access, stage.namespace, MODEL)
    low, high = easy_load(most), round(TIMES * most)
    schedule = f"{LOW_S}s@{low},40s@{round(high / 2)},{HIGH_S - 40}s@{high},{AFTER_S}s@{low}"
    with ExitStack() as stack:
        record = stack.enter_context(stage.record())
        load = stack.enter_context(stage.load(gateway.url, schedule, seed=5))
        wait_for("the load to begin", lambda: load.started_at_s is not None, seconds=20)
        yield Story(stage, load, record, load.started_at_s or 0.0)


def test_1_the_fast_variant_takes_its_share_although_the_operator_is_killed(story: Story) -> None:
    story.wait_until(LOW_S)
    wait_for("the fast variant in the route", lambda: story.share_of_fast() > 0, seconds=200)
    killed_s = time.time()
    story.stage.kill_operator()
    story.stage.await_operator()
    wait_for(
        "a decision of the new operator",
        lambda: story.stage.operator.has_ticked_since(killed_s),
        seconds=60,
    )
    print(f"goes on {time.time() - killed_s:.1f} s after the operator was killed")
    # It came back without memory, in the middle of a change, and goes on with it.
    assert story.share_of_fast() > 0


def test_2_what_the_clients_wait_is_read_at_the_gateway(story: Story) -> None:
    story.wait_until(LOW_S + HIGH_S)

    def read() -> bool:
        latency = story.stage.status()["latency"]
        print(f"trimtab reads {latency}")
        return latency["source"].startswith("GatewayHistogram") and not latency["estimated"]

    wait_for("the gateway's histogram", read, seconds=30)


def test_3_the_accurate_variant_serves_alone_again_and_nothing_was_lost(story: Story) -> None:
    report = story.load.report(AFTER_S + 60)
    wait_for(
        "the accurate one alone",
        lambda: FAST not in weights(story.record.last),
        seconds=90,
        told=lambda: story.stage.status()["decision"],
    )
    everything = summarise(report.results)
    late = sum(r.latency_s > SLO_MS / 1000 for r in report.results)
    print(
        f"{everything.requests} requests, failed {everything.failed},"
        f" in time {1 - late / everything.requests:.2%}; {len(story.listings())} lists"
    )
    lost = [f"at {r.scheduled_s:.2f} s: {r.error}" for r in report.results if r.error]
    lists = [f"from {m.at_s - story.started_s:.2f} s: {m.backends}" for m in story.listings()]
    assert not lost, "\n".join([*lost, *failures_of(story.stage.access), *lists])


def test_4_every_list_was_safe_to_go_through(story: Story) -> None:
    for before, after in itertools.pairwise(story.listings()):
        assert all(weight >= 1 for _, weight in after.backends), after.backends
        was, now = weights(before), weights(after)
        told = f"{before.backends} -> {after.backends}"
        for service in was.keys() & now.keys():
            # In Envoy a place is a backend: one that moves fails what is on its way.
            assert places(before, service) & places(after, service), told
        # What leaves gave up its weight before its place.
        assert all(was[service] == 1 for service in was.keys() - now.keys()), told
    for before, after in itertools.pairwise(story.record.moments):
        for service in weights(before).keys() & weights(after).keys():
            # And its place before its pods.
            assert before.asked.get(workload(service), 0) >= 1, (before.backends, before.asked)


def test_5_budget_and_floor_held_at_every_moment(story: Story) -> None:
    assert max(m.cost_per_hour for m in story.record.moments) <= BUDGET
    accuracy = summarise(story.load.report(60).results).accuracy
    assert accuracy is not None
    assert accuracy >= float(FLOOR)


def weights(moment: Moment | None) -> dict[str, int]:
    """The weight of every Service in the list; one that stands in it twice has the sum."""
    found: dict[str, int] = {}
    for name, weight in moment.backends if moment else ():
        found[name] = found.get(name, 0) + weight
    return found


def places(moment: Moment, service: str) -> set[int]:
    """Where in the list a Service stands."""
    return {place for place, (name, _) in enumerate(moment.backends) if name == service}


def workload(service: str) -> str:
    """The workload of a Service, "variant/class"."""
    variant, _, accelerator_class = service.removeprefix(f"{MODEL}-").partition("-")
    return f"{variant}/{accelerator_class}"


def _backends(moment: Moment) -> tuple[tuple[str, int], ...]:
    return moment.backends
