"""Times, money, accuracies and percentiles: their spelling on the wire, and their numbers.

Kubernetes wants no floats in a spec (a round trip through JSON may change them), so these travel
as strings. Each pattern is the single statement of a spelling: the CRD and the parser share it.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

# Fewer digits for the large units keep every accepted time inside CEL's 64-bit nanoseconds.
DURATION = r"^([0-9]{1,9}(\.[0-9]{1,3})?(us|ms)|[0-9]{1,6}(\.[0-9]{1,3})?(s|m|h))$"
DURATION_MAX_LENGTH = 16
MONEY = r"^(0|[1-9][0-9]{0,6})(\.[0-9]{1,6})?$"
MONEY_MAX_LENGTH = 14
FRACTION = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
FRACTION_MAX_LENGTH = 8
PERCENTILE = r"^[0-9]{1,2}(\.[0-9]{1,4})?$"
PERCENTILE_MAX_LENGTH = 7
RESOURCE_QUANTITY = r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
RESOURCE_QUANTITY_MAX_LENGTH = 18

_MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_MICRO = Decimal("0.000001")


def _checked(pattern: str, text: str, what: str) -> str:
    # fullmatch, because Python's $ would let a final newline through and Go's does not.
    if re.fullmatch(pattern, text) is None:
        raise ValueError(f"{text!r} is not {what}")
    return text


def parse_duration(text: str) -> float:
    """Seconds in a time such as `50ms`, `4100us`, `9.5ms` or `5m`."""
    _checked(DURATION, text, "a time with its unit")
    unit = text.lstrip("0123456789.")
    # One division at the end, so that 50ms is the float 0.05 and not its neighbour.
    return float(Decimal(text.removesuffix(unit)) * _MICROSECONDS[unit] / 1_000_000)


def format_duration(seconds: float) -> str:
    """The shortest of us, ms and s that keeps four significant digits: `41ms`, `9.5ms`, `2.5s`."""
    micros = Decimal(repr(seconds)) * 1_000_000
    if not micros.is_finite() or micros < 0:
        raise ValueError(f"{seconds!r} is not a time")
    for unit in ("us", "ms", "s"):
        number = _shortest(micros / _MICROSECONDS[unit])
        if len(number.partition(".")[0]) <= 3 or unit == "s":
            return f"{number}{unit}"
    raise AssertionError("unreachable: s takes any number")


def _shortest(number: Decimal) -> str:
    whole_digits = max(1, number.adjusted() + 1)
    places = max(0, min(3, 4 - whole_digits))
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_money(text: str) -> Decimal:
    """Money per hour from a plain decimal such as `4.00`: no sign, no exponent."""
    return Decimal(_checked(MONEY, text, "an amount of money"))


def format_money(amount: Decimal) -> str:
    """The amount with at least two and at most six decimals, as parse_money reads it."""
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{amount!r} is not an amount of money")
    whole, _, places = f"{amount.quantize(_MICRO, ROUND_HALF_EVEN):f}".partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def parse_fraction(text: str) -> Decimal:
    """An accuracy: a decimal from 0 to 1 such as `0.912`."""
    return Decimal(_checked(FRACTION, text, "a decimal from 0 to 1"))


def format_fraction(value: Decimal) -> str:
    """The decimal with at most six places, as parse_fraction reads it."""
    if not value.is_finite() or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a decimal from 0 to 1")
    text = f"{value.quantize(_MICRO, ROUND_HALF_EVEN):f}".rstrip("0").rstrip(".")
    return text or "0"


def parse_percentile(value: int | str) -> float:
    """A percentile strictly between 0 and 100, from `99` or `"99.9"`."""
    text = str(value)
    number = float(_checked(PERCENTILE, text, "a percentile above 0 and below 100"))
    if number <= 0:
        raise ValueError(f"{text!r} is not a percentile above 0 and below 100")
    return number
