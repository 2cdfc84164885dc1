"""Executions that are short at light load do not say how many of them fit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.core.builders import INT8, Load, deployment, steady, steps, variant
from tests.core.story import NO_ROOM_FOR_BURSTS, TICK_S, Model, Story, expect_replicas, sizes
from trimtab.api.resources import ModelDeployment, UriSource
from trimtab.core.latency import ServiceCurve
from trimtab.core.learn import seed_points
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option, sized
from trimtab.core.proof import Proof
from trimtab.core.proven import Proven, trusted
from trimtab.core.signals import Known
from trimtab.core.snapshot import Backlog, ModelState, WorkloadKey, WorkloadReadings

OTHER = WorkloadKey("other", "cpu")


def quick(readings: WorkloadReadings) -> WorkloadReadings:
    """Executions of 2 ms, whatever the profile says."""
    assert isinstance(readings.rate, Known)
    at_s = readings.rate.at_s
    return replace(readings, service_time_s=Known(0.002, at_s), batch_size=Known(1.0, at_s))


def fleet(load: Load, pods: int = 1, spec: ModelDeployment | None = None) -> Story:
    """Replicas that carry some 77 requests/s by their profile, and 450 by their executions."""
    model = Model(spec or deployment(window_s=60), load).running(INT8, pods)
    model.distort = quick
    return Story(model, policy=NO_ROOM_FOR_BURSTS)


def test_a_burst_after_a_calm_is_met_with_what_the_profile_asks_for() -> None:
    story = fleet(steps((0, 20), (600, 200)))
    expect_replicas(story, 595, int8=1)
    assert "each within 100ms, by its profile)" in story.plan().decision.summary
    expect_replicas(story, 640, int8=3)


def test_under_load_a_fleet_shrinks_no_faster_than_it_is_seen_to_carry() -> None:
    """200 requests/s on four: one of them would have to take four times what it was seen to."""
    story = fleet(steady(200), pods=4)
    story.model.truth = 0.2
    expect_replicas(story, 3600, int8=1)
    since = {n: sizes(story).index(n) * TICK_S for n in (3, 2, 1)}
    assert "each within 100ms, as far as was seen)" in story.plan().decision.summary
    # Each time it is first seen for a minute what each of the fewer answers.
    assert since[3] + 60 < since[2]
    assert since[2] + 60 < since[1]


def test_what_a_flood_told_is_all_that_a_replica_is_trusted_with_for_hours() -> None:
    def flooded(readings: WorkloadReadings) -> WorkloadReadings:
        return replace(quick(readings), backlogs=(Backlog(50.0, 200.0),))

    story = fleet(steady(20))
    story.until(300).model.distort = flooded
    story.until(305).model.distort = lambda r: replace(quick(r), rate=Known(40.0, 0.0))
    story.model.load = steady(100)
    # Fifty a second are less than the profile says.
    expect_replicas(story, 400, int8=3)
    assert "each within 100ms, as a backlog told)" in story.plan().decision.summary
    expect_replicas(story, 1800, int8=3)


def test_what_a_smaller_limit_told_is_no_bound_for_a_larger_one() -> None:
    def flooded(readings: WorkloadReadings) -> WorkloadReadings:
        return replace(quick(readings), backlogs=(Backlog(20.0, 200.0),))

    story = fleet(steady(20))
    story.until(300).model.distort = flooded
    expect_replicas(story, 305, int8=2)
    story.model.distort = quick
    expect_replicas(story, 900, int8=2)
    story.classes["cpu"] = replace(story.classes["cpu"], resources=(("cpu", "2"),))
    expect_replicas(story, 1000, int8=1)


def test_a_flood_that_a_neighbour_slowed_is_forgotten_in_hours_and_never_quite() -> None:
    memory = ModelMemory(proven={INT8: Proven(50.0, 0.0, saturated=True)})
    rates = [trusted(memory, hours * 3600.0)[INT8].rate for hours in (0, 1, 3, 48)]
    assert rates == pytest.approx([50.0, 59.0, 75.0, 75.0], rel=0.03)


@pytest.mark.parametrize(("seen", "needed"), [(20.0, 4), (70.0, 2)])
def test_a_variant_that_never_ran_is_trusted_as_far_as_its_sibling_outdid_its_profile(
    seen: float, needed: int
) -> None:
    """Both profiles say 10 ms, and the one that serves takes 2."""
    same = (variant("int8", "0.985", 10.0), variant("other", "0.98", 10.0))
    story = fleet(steps((0, seen), (900, 350)), spec=deployment(variants=same, window_s=60))
    story.until(905)
    (other,) = (a for a in story.plan().decision.alternatives if a.key == OTHER)
    assert other.replicas == needed


def test_without_a_profile_serving_is_all_there_is_to_believe() -> None:
    bare = replace(variant("int8", "0.985", 10.0), profiles=())
    story = fleet(steps((0, 20), (600, 200)), spec=deployment(variants=(bare,), window_s=60))
    story.model.profiles[INT8] = ServiceCurve(((1, 0.01),))
    story.until(640)
    assert max(sizes(story)) == 1


def test_of_a_repository_at_a_uri_the_profile_is_read_at_the_cap_that_is_in_force() -> None:
    """Its cap is the manifest's: at that of four, which trimtab would choose, it would carry a
    fifth more."""
    profiled = variant("int8", "0.985", 10.0, batch_ms={4: 20.0, 16: 110.0})
    fetched = replace(profiled, source=UriSource("s3://models/digits"))
    spec = deployment(variants=(fetched,), max_batch=16)
    state, seed = ModelState(spec, ()), seed_points(spec, INT8)

    def option(curve: ServiceCurve, *, fixed: bool) -> Option:
        return sized(state, INT8, Decimal(0), None, curve, 1.0, 0.0, 1.0, fixed=fixed)

    proof = Proof(state, 1.0, {}, learned={INT8})
    bounded = proof.bounded(option(ServiceCurve(((1, 0.001),)), fixed=True))
    in_force, chosen = (option(ServiceCurve(seed), fixed=fixed) for fixed in (True, False))
    assert bounded.limit == "Profile"
    assert bounded.capacity_rate == in_force.capacity_rate
    assert chosen.capacity_rate is not None
    assert bounded.capacity_rate is not None
    assert chosen.capacity_rate > 1.2 * bounded.capacity_rate
