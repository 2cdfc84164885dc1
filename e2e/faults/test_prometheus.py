"""Prometheus in trouble: what cannot be read is said, and changes no replica."""

from __future__ import annotations

import time

import pytest

from e2e.kit import faulty_prometheus as faults
from e2e.kit.access import wait_for
from e2e.kit.faulty_prometheus import Fault
from e2e.kit.steady import MOST_REPLICAS, TICKS_TO_HARM, Steady


@pytest.fixture(scope="module")
def fleet(steady: Steady) -> Steady:
    """A fleet larger than the smallest, every pod of which must be read."""
    steady.settle()
    assert steady.has_grown()
    steady.await_old_pods()
    return steady


@pytest.mark.parametrize(("fault", "reason"), faults.TOLD, ids=str)
def test_what_cannot_be_read_is_said_and_changes_nothing(
    fleet: Steady, fault: Fault, reason: str
) -> None:
    suffer(fleet, fault, reason)


def test_a_pod_that_drops_out_of_the_scrapes_does_not_halve_the_load(fleet: Steady) -> None:
    pod = fleet.pods()[0]["metadata"]["name"]
    suffer(fleet, faults.without_pod(pod), "PodWithoutSeries")


def test_an_operator_that_starts_blind_takes_nothing_away(fleet: Steady) -> None:
    fleet.settle()
    with fleet.unharmed(), fleet.prometheus.suffers(faults.EMPTY):
        await_blind(fleet, "NoSeries")
        fleet.kill_operator()
        fleet.stage.await_operator()
        stays_as_it_is(fleet)
    sees_again(fleet)


def test_a_burst_while_prometheus_is_away_is_met(fleet: Steady) -> None:
    """Its pods are asked themselves: more are asked for while nothing else can be read."""
    fleet.settle()
    before = fleet.now.replicas
    assert before < MOST_REPLICAS
    with fleet.unharmed(), fleet.prometheus.suffers(faults.DOWN):
        await_blind(fleet, "PrometheusUnreachable")
        began_s = time.time()
        with fleet.more(1.5):
            wait_for("a larger fleet", lambda: fleet.now.replicas > before, seconds=40)
            print(f"a larger fleet was asked for after {time.time() - began_s:.1f} s")
            assert fleet.stage.condition("MetricsAvailable") == ("False", "PrometheusUnreachable")
    sees_again(fleet)


def suffer(fleet: Steady, fault: Fault, reason: str) -> None:
    """Lives through a fault."""
    fleet.settle()
    with fleet.unharmed(), fleet.prometheus.suffers(fault):
        await_blind(fleet, reason)
        stays_as_it_is(fleet)
    sees_again(fleet)


def await_blind(fleet: Steady, reason: str) -> None:
    """Waits for the condition that says so."""
    fleet.stage.await_condition("MetricsAvailable", "False", seconds=40)
    assert fleet.stage.condition("MetricsAvailable") == ("False", reason)


def stays_as_it_is(fleet: Steady) -> None:
    """Decisions go on, long enough for harm, and none of them changes the fleet."""
    began_s = time.time()
    fleet.await_ticks(TICKS_TO_HARM)
    assert len({m.replicas for m in fleet.since(began_s)}) == 1


def sees_again(fleet: Steady) -> None:
    """The next decision or the one after it can read; one more may be under way."""
    ticks = fleet.ticks()
    fleet.stage.await_condition("MetricsAvailable", "True", seconds=40)
    assert fleet.ticks() - ticks <= 3
