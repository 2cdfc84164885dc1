"""Times, money, accuracies and percentiles survive the trip to their strings and back."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.api import quantities as q

money = st.decimals(0, 9_999_999, places=6)
fractions = st.decimals(0, 1, places=6)
WRONG = [
    "",
    " ",
    "50",
    "50 ms",
    "50ms\n",
    "5e1ms",
    "-1ms",
    "NaN",
    "inf",
    "٥٠ms",
    "1h1m",
    ".5s",
    "5.s",
]


@given(st.from_regex(q.DURATION, fullmatch=True))
def test_every_accepted_time_is_a_number_of_seconds(text: str) -> None:
    assert 0 <= q.parse_duration(text) <= 999_999.999 * 3600


@given(st.floats(min_value=1e-6, max_value=86_400))
def test_a_formatted_time_is_read_back_to_three_digits(seconds: float) -> None:
    again = q.parse_duration(q.format_duration(seconds))
    assert again == pytest.approx(seconds, rel=1e-3, abs=1e-9)


@given(money)
def test_money_round_trips_exactly(amount: Decimal) -> None:
    assert q.parse_money(q.format_money(amount)) == amount


@given(fractions)
def test_accuracies_round_trip_exactly(value: Decimal) -> None:
    assert q.parse_fraction(q.format_fraction(value)) == value


@given(st.from_regex(q.MONEY, fullmatch=True))
def test_every_accepted_amount_is_finite_and_not_negative(text: str) -> None:
    assert q.parse_money(text).is_finite()
    assert q.parse_money(text) >= 0


@given(st.text())
def test_what_a_pattern_does_not_match_is_refused(text: str) -> None:
    for pattern, parse in (
        (q.DURATION, q.parse_duration),
        (q.MONEY, q.parse_money),
        (q.FRACTION, q.parse_fraction),
    ):
        if re.fullmatch(pattern, text) is None:
            with pytest.raises(ValueError, match="is not"):
                parse(text)


@pytest.mark.parametrize("text", WRONG)
def test_wrong_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        q.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("4100us", 0.0041), ("9.5ms", 0.0095), ("5m", 300.0), ("1.5h", 5400.0)],
)
def test_times_are_the_nearest_floats(text: str, seconds: float) -> None:
    assert q.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.041, "41ms"),
        (0.0095, "9.5ms"),
        (0.0041, "4.1ms"),
        (0.00025, "250us"),
        (2.5, "2.5s"),
        (0.0, "0us"),
        (0.9999, "999.9ms"),
        (0.99999, "1s"),
        (300.0, "300s"),
    ],
)
def test_times_are_written_short(seconds: float, text: str) -> None:
    assert q.format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_what_is_no_time_is_not_written(seconds: float) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        q.format_duration(seconds)


@pytest.mark.parametrize(
    ("amount", "text"), [("4", "4.00"), ("0.8", "0.80"), ("0.4275", "0.4275"), ("1E+2", "100.00")]
)
def test_money_is_written_with_two_decimals_at_least(amount: str, text: str) -> None:
    assert q.format_money(Decimal(amount)) == text


@pytest.mark.parametrize(("value", "number"), [(99, 99.0), ("99.9", 99.9), ("50", 50.0)])
def test_percentiles_are_numbers_or_strings(value: int | str, number: float) -> None:
    assert q.parse_percentile(value) == number


@pytest.mark.parametrize("value", [0, 100, -1, "0.0", "100", "p99", "99%", ""])
def test_percentiles_lie_strictly_between_0_and_100(value: int | str) -> None:
    with pytest.raises(ValueError, match="is not a percentile"):
        q.parse_percentile(value)
