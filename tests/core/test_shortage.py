"""Where not all can be carried, as many requests as can be are kept in time, and nobody flaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import INT8, accelerator, deployment, steady, steps, variant
from tests.core.story import Model, Story, sizes
from trimtab.core.memory import Memory, ModelMemory
from trimtab.core.settings import DEFAULT_POLICY
from trimtab.core.shortage import Strain
from trimtab.core.signals import Known, Missing
from trimtab.core.snapshot import ModelReadings, ModelState, Snapshot
from trimtab.core.view import look


def strain(rate: float, *, backlog: float = 0.0, ready: int = 0, starting: int = 0) -> Strain:
    """Replicas that carry 90 requests/s within the SLO and 100 at most, and start in 45 s."""
    return Strain(rate, backlog, ready, starting, 20.0, 45.0, 90.0, 100.0, 0.01)


def waiting(requests: Callable[[], float]) -> Callable[[ModelReadings], ModelReadings]:
    """Readings that tell of so many requests that wait."""
    return lambda readings: replace(readings, pending=Known(requests(), 0.0))


def last(story: Story) -> dict[str, int]:
    """The replicas asked for now."""
    return {name: sizes(story, name)[-1] for name in story.models}


def test_serving_a_model_half_saves_nothing() -> None:
    missed = strain(350.0, ready=4).missed_rates(4)
    assert missed[3] > 0.95 * 350.0
    assert missed[4] < 0.02 * 350.0


def test_a_backlog_makes_all_that_comes_late_until_it_is_worked_off() -> None:
    fresh, late = strain(350.0, ready=5), strain(350.0, ready=5, backlog=30_000.0)
    # 150 requests/s to spare: 200 s late, of 500.
    assert fresh.missed_rates(5)[5] == 0.0
    assert 0.35 < late.missed_rates(5)[5] / 350.0 < 0.45


def test_what_is_still_to_start_is_worth_less_than_what_starts_and_that_less_than_what_serves() -> (
    None
):
    worth = [
        strain(350.0, ready=ready, starting=starting).missed_rates(4)[4]
        for ready, starting in ((4, 0), (3, 1), (3, 0))
    ]
    assert worth == sorted(worth)
    assert worth[0] < worth[1] < worth[2]


@given(
    st.floats(0.1, 5000.0),
    st.floats(0.0, 1e6),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 40),
)
def test_more_replicas_never_miss_more(
    rate: float, backlog: float, ready: int, starting: int, most: int
) -> None:
    load = strain(rate, backlog=backlog, ready=ready, starting=starting)
    missed = load.missed_rates(most)
    assert len(missed) == most + 1
    assert missed == sorted(missed, reverse=True)
    assert 0.0 <= missed[-1] <= rate


def test_a_model_that_cannot_be_saved_does_not_drag_down_nine_that_can() -> None:
    small = [Model(deployment(f"m{i}"), steady(170)) for i in range(9)]
    story = Story(Model(deployment("large"), steady(2000)), *small, classes=(accelerator(most=22),))
    story.until(300)
    got = last(story)
    assert all(got[m.spec.key.name] >= 2 for m in small)
    assert story.plan("large").decision.binding == "Inventory"


def test_priorities_come_first_however_many_would_be_saved_instead() -> None:
    small = [Model(deployment(f"m{i}"), steady(170)) for i in range(3)]
    large = Model(deployment("large", priority=10), steady(680))
    story = Story(large, *small, classes=(accelerator(most=11),)).until(300)
    assert last(story) == {"large": 8, "m0": 1, "m1": 1, "m2": 1}


def test_who_was_given_up_stays_given_up_until_there_is_room_for_its_backlog() -> None:
    lost = {"b": 0.0}
    load = steps((0, 350), (600, 100))
    a = Model(deployment("a"), load)
    b = Model(deployment("b"), steady(330), reshape=waiting(lambda: lost["b"]))
    story = Story(a, b, classes=(accelerator(most=6),), start_up_s=45.0).until(200)
    assert last(story) == {"a": 5, "b": 1}
    lost["b"] = 20_000.0
    # A little less load for the one and more for the other moves nothing.
    a.load = steps((0, 320), (600, 100))
    b.load = steady(350)
    story.until(590)
    assert set(sizes(story, "a")[42:]) <= {4, 5}
    assert max(sizes(story, "b")[42:]) <= 2
    story.until(900)
    assert last(story)["b"] >= 4


def test_a_burst_of_ten_seconds_takes_nobody_elses_replicas() -> None:
    a = Model(deployment("a"), lambda t: 900.0 if 300 <= t < 310 else 330.0)
    b = Model(deployment("b"), steady(330))
    story = Story(
        a.running(INT8, 4), b.running(INT8, 4), classes=(accelerator(most=8),), start_up_s=45.0
    )
    story.until(500)
    assert min(sizes(story, "b")[20:]) == 4


def test_noise_moves_nothing_where_all_are_a_little_short() -> None:
    models = [
        Model(
            deployment(f"m{i}"),
            lambda t, i=i: 260.0 + 25.0 * ((int(t / 5) * (i + 3)) % 5 - 2),  # type: ignore[misc]
        ).running(INT8, 3)
        for i in range(4)
    ]
    story = Story(*models, classes=(accelerator(most=12),), start_up_s=45.0).until(600)
    assert all(set(sizes(story, f"m{i}")[10:]) == {3} for i in range(4))


@pytest.mark.parametrize(("large_ms", "switches"), [(3.0, False), (1.0, True)])
def test_what_serves_too_little_goes_on_unless_the_other_serves_twice_as_much(
    large_ms: float, switches: bool
) -> None:
    """Six small replicas carry 460 requests/s; two large ones of the same price 540, or all."""
    small, large = variant("int8", "0.98", 10.0), variant("fp32", "0.98", large_ms, "l4")
    spec = replace(deployment(variants=(small, large)), budget_per_hour=Decimal("0.60"))
    story = Story(
        Model(spec, steady(1200)).running(INT8, 3),
        classes=(accelerator("cpu", "0.10"), accelerator("l4", "0.30")),
    )
    story.until(600)
    served = {m.plan.targets[0].key.variant for m in story.history}
    assert served == {"fp32" if switches else "int8"}


def test_who_gave_its_last_replica_is_still_asked_for_what_it_served() -> None:
    """Without a pod nothing can be read. Taken for blindness, that held it at nothing for ever."""
    spec = deployment()
    gone = Missing("NoPods", "No pod of the model is scraped.")
    state = ModelState(spec, readings=ModelReadings(gone, gone))
    memory = Memory({spec.key: ModelMemory(demand=((50.0, 400.0), (95.0, 300.0)))})
    view = look(state, memory, Snapshot(models=(state,)), 100.0, DEFAULT_POLICY)
    assert view.demand.rate == 300.0
    assert not view.demand.blind
    new = look(state, Memory(), Snapshot(models=(state,)), 100.0, DEFAULT_POLICY)
    assert new.demand.rate is None
    assert not new.demand.blind


def test_a_model_that_cannot_be_strained_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("trimtab.core.shared_out.strained", fails)
    models = [Model(deployment(f"m{i}"), steady(300)) for i in range(3)]
    story = Story(*models, classes=(accelerator(most=6),))
    story.until(200)
    assert sum(last(story).values()) == 6
