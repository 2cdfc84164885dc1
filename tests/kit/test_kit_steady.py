"""What the stories of faults hold against a record."""

from __future__ import annotations

from decimal import Decimal

from e2e.kit.recorder import Moment
from e2e.kit.steady import longest_s


def test_of_two_spells_the_longer_one_counts_and_each_ends_where_it_is_over() -> None:
    assert longest_s(record("..xx.xxxx."), at_x) == 4.0
    assert longest_s(record("xxx."), at_x) == 3.0


def test_a_spell_that_is_not_over_lasts_until_the_newest_moment() -> None:
    assert longest_s(record("..xxx"), at_x) == 2.0


def test_what_never_held_held_for_no_time() -> None:
    assert longest_s(record("..."), at_x) == 0.0
    assert longest_s([], at_x) == 0.0


def record(told: str) -> list[Moment]:
    """A moment a second; the replicas say which letter it is."""
    return [Moment(float(s), int(c == "x"), 0, 0, Decimal(0)) for s, c in enumerate(told)]


def at_x(moment: Moment) -> bool:
    """Whether its letter was an x."""
    return moment.replicas == 1
