"""A small jump that goes before a large one is heeded, as often as it was right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import Load, steps
from tests.core.forecast.rates import ahead, watch
from trimtab.core.forecast.warnings import Warnings


def announced(at_s: float, in_s: float) -> Load:
    """Ten seconds of a little more, and a burst so many seconds after they began."""
    return steps((0, 100), (at_s, 130), (at_s + 10, 100), (at_s + in_s, 400))


def test_a_small_jump_is_heeded_for_two_minutes() -> None:
    history = watch(announced(1000, 9000), 0, 1005)
    told = ahead(history)
    assert told.reason == "Warning"
    # Four times the calm rate is believed of a first burst.
    assert told.rate == pytest.approx(400, rel=0.05)
    later = watch(announced(1000, 9000), 1010, 1130, history)
    assert ahead(later).reason != "Warning"


@pytest.mark.parametrize(("in_s", "followed"), [(15, 0), (60, 1), (240, 0)])
def test_it_was_a_warning_if_a_burst_came_in_time(in_s: float, followed: int) -> None:
    """The first half of a jump is no warning of it, and after four minutes none was given."""
    history = watch(announced(1000, in_s), 0, 1400)
    assert (history.warnings.count, history.warnings.followed) == (1, followed)


def test_who_warns_in_vain_is_heeded_no_more() -> None:
    warnings, heard = Warnings(), 0
    for k in range(24):
        warnings = warnings.heard(1000.0 * k, 5.0, burst=False)
        assert warnings.count == k + 1
        history = watch(lambda _: 100.0, 1000.0 * k - 300, 1000.0 * k)
        heard += ahead(replace(history, warnings=warnings)).reason == "Warning"
    assert 1 <= heard <= 17


def test_one_excess_in_two_windows_is_one_warning() -> None:
    warnings = Warnings().heard(1000.0, 5.0, burst=False).heard(1005.0, 5.0, burst=False)
    assert warnings == Warnings(1000.0, 1, 0)


def test_a_slope_is_no_warning() -> None:
    """Each rate of a slope is above the median of the minutes before it."""
    assert watch(lambda t: 100.0 + 0.1 * t, 0, 3600).warnings.count == 0
