"""Bursts by the clock: known after two, ready for at the third, given up when they stay away."""

from __future__ import annotations

import itertools

from tests.core.builders import INT8, Load, deployment
from tests.core.forecast.rates import NO_ROOM_FOR_BURSTS, ahead, bursts, poisson, watch
from tests.core.story import Model, Story, carried, expect_replicas, sizes
from trimtab.core.forecast.onsets import Onset
from trimtab.core.forecast.recurrence import Recurrence, find_recurrences, is_due
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import Missing

HALF_HOUR_S = 1800.0
SECOND_MINUTE = (120.0 + HALF_HOUR_S, 120.0 + 2 * HALF_HOUR_S, 120.0 + 3 * HALF_HOUR_S)


def after_two(load: Load, from_s: float) -> Story:
    """A fleet of one that has seen two bursts, from that time on."""
    policy = PolicySettings(burst_ratio=1.0)
    model = Model(deployment(window_s=30), load).running(INT8, 1)
    story = Story(model, start_up_s=45.0, policy=policy)
    past = ModelMemory(history=watch(load, 0, from_s - 5), times_to_ready_s={INT8: (45.0, 45.0)})
    story.memory, story.now_s = Memory({model.spec.key: past}), from_s - 5
    return story


def of_half_hour(*onsets_s: float) -> Recurrence:
    """What these bursts have in common under a period of half an hour."""
    found = find_recurrences(tuple(Onset(t, 100.0, 400.0) for t in onsets_s))
    return next(r for r in found if r.period_s == HALF_HOUR_S)


def test_the_third_burst_of_the_half_hour_finds_capacity_ready() -> None:
    load, third_s = bursts(60, 300, *SECOND_MINUTE), SECOND_MINUTE[2]
    story = after_two(load, third_s - 300)
    expect_replicas(story, third_s - 130, int8=1)
    story.until(third_s)
    assert carried(story, story.history[-1]) >= 300
    # Without the clock, one replica stands in front of it.
    unaware = after_two(load, third_s - 300)
    unaware.policy = NO_ROOM_FOR_BURSTS
    expect_replicas(unaware, third_s - 5, int8=1)


def test_a_burst_that_does_not_come_is_waited_for_in_vain_but_not_for_long() -> None:
    due_s = SECOND_MINUTE[2]
    story = after_two(bursts(60, 300, *SECOND_MINUTE[:2]), due_s - 100)
    story.until(due_s)
    assert sizes(story)[-1] >= 4
    assert "(a burst is due by the clock)" in story.plan().decision.summary
    expect_replicas(story, due_s + 60, int8=1)
    assert "due" not in story.plan().decision.summary


def test_a_fleet_in_front_of_a_burst_that_is_due_stays_as_it_is_while_blind() -> None:
    """What is due by the clock is bought on fresh readings, or not at all."""
    due_s = SECOND_MINUTE[2]
    story = after_two(bursts(60, 300, *SECOND_MINUTE), due_s - 200)
    story.until(due_s - 150).model.blind = Missing("PrometheusUnreachable", "Connection refused.")
    story.until(due_s + 60)
    assert set(sizes(story)) == {1}


def test_it_is_due_from_one_start_up_before_until_it_is_late() -> None:
    twice = of_half_hour(1920.0, 3720.0)
    due = [t for t in range(3900, 6000, 5) if is_due(twice, t, 60.0)]
    # Ten seconds early and fifteen late may the next be.
    assert (due[0], due[-1]) == (5520 - 10 - 60, 5520 + 15)


def test_bursts_at_other_minutes_have_nothing_in_common() -> None:
    assert of_half_hour(1920.0, 4320.0).hits == 0
    # Fifteen seconds off is the same phase, and the next may be as far off again.
    close = of_half_hour(1920.0, 3735.0)
    assert (close.hits, close.early_s, close.late_s) == (1, 0.0, 15.0)


def test_a_burst_that_stops_coming_is_given_up_by_its_chance() -> None:
    seen = of_half_hour(1920.0, 3720.0, 5520.0)
    chances = [seen.chance(5520.0 + k * HALF_HOUR_S, 1920.0) for k in range(60)]
    assert chances[0] > 0.5
    assert all(after < before for before, after in itertools.pairwise(chances))
    assert chances[-1] < 0.06


def test_what_was_watched_before_the_first_burst_counts_too() -> None:
    """One that came every ten minutes would have come before."""
    first = Onset(9120.0, 100.0, 400.0)
    by_period = {r.period_s: r for r in find_recurrences((first,))}
    assert by_period[600.0].chance(9200.0, 0.0) < by_period[600.0].chance(9200.0, 9000.0) / 3
    assert by_period[3600.0].chance(9200.0, 0.0) == 1.0 / (3.0 + 2.0)


def test_what_has_been_given_up_buys_nothing() -> None:
    load = bursts(100, 400, *SECOND_MINUTE)
    thrifty = PolicySettings(late_price_s=3.0, burst_ratio=1.0)
    history = watch(poisson(load, 1), 0, 3.9 * HALF_HOUR_S)
    told = []
    for k in range(4, 12):
        before = 120.0 + k * HALF_HOUR_S - 30.0
        history = watch(poisson(load, k), history.recent[-1][0] + 5, before, history)
        told.append(ahead(history, thrifty).reason)
    assert told[0] == "Recurrence"
    assert "Recurrence" not in told[-3:]


def test_while_help_for_a_burst_is_on_its_way_the_next_is_not_due() -> None:
    load = bursts(100, 400, *SECOND_MINUTE)
    history = watch(load, 0, SECOND_MINUTE[2] + 15)
    assert ahead(history).reason != "Recurrence"
