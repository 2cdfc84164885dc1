"""The load of the past as a decision counts the present: without what response caches answered."""

from __future__ import annotations

import pytest

from trimtab.observe.history import read_arrivals, read_executing
from trimtab.observe.prometheus import Series
from trimtab.observe.queries import ReadSettings

STEP_S = 10.0
MODEL = {"namespace": "shop", "model": "digits"}
OTHER = {"namespace": "shop", "model": "texts"}


class Past:
    """100 requests/s of two models, of which one has a cache; as many fail of both."""

    def __init__(self, hits: dict[int, float]) -> None:
        self.hits = hits

    async def range(
        self, promql: str, start_s: float, end_s: float, step_s: float
    ) -> tuple[Series, ...]:
        steps = range(round(start_s / step_s), round(end_s / step_s) + 1)
        if "cache_num_hits" in promql:
            points = tuple((n * step_s, self.hits[n]) for n in steps if n in self.hits)
            return (Series(MODEL, points),)
        rate = 20.0 if "failure" in promql else 100.0
        return tuple(
            Series(who, tuple((n * step_s, rate) for n in steps)) for who in (MODEL, OTHER)
        )


async def test_what_hit_is_no_load_and_what_arrived_is_told_whole() -> None:
    past = Past({1: 60.0, 2: 119.0})
    rates = await read_executing(past, ReadSettings(), 0.0, 3, STEP_S)
    # The second step is the quarter that is always planned for; of the third no hit is known.
    assert list(rates["shop", "digits"].values()) == pytest.approx([60.0, 30.0, 120.0])
    assert list(rates["shop", "texts"].values()) == [120.0] * 3
    arrived = await read_arrivals(past, ReadSettings(), 0.0, 3, STEP_S)
    assert list(arrived["shop", "digits"].values()) == [120.0] * 3


async def test_failures_alone_are_no_reading() -> None:
    class OnlyFailures(Past):
        async def range(
            self, promql: str, start_s: float, end_s: float, step_s: float
        ) -> tuple[Series, ...]:
            found = await super().range(promql, start_s, end_s, step_s)
            return found if "failure" in promql else ()

    assert await read_arrivals(OnlyFailures({}), ReadSettings(), 0.0, 3, STEP_S) == {}


async def test_what_was_not_asked_for_and_what_no_counter_says_is_no_past() -> None:
    """A load of the year 2200, one of less than nothing, and one that no float can add up."""

    class Odd(Past):
        async def range(
            self, promql: str, start_s: float, end_s: float, step_s: float
        ) -> tuple[Series, ...]:
            odd = ((-500.0, 7.0), (10.0, -5.0), (20.0, 1e308), (30.0, 4.0), (7e9, 9.0))
            return (Series(MODEL, odd),) if "success" in promql else ()

    assert await read_arrivals(Odd({}), ReadSettings(), 0.0, 3, STEP_S) == {
        ("shop", "digits"): {2: 4.0}
    }
