"""Readings: what is known of a quantity, or why it is not. Unknown is never zero.

The counter-example this prevents (kedacore/keda#3065): an empty Prometheus answer counted as 0
and a whole fleet was scaled to its minimum at peak hours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A fresh value, and when it was sampled (seconds since the epoch)."""

    value: float
    at_s: float


@dataclass(frozen=True, slots=True)
class NoTraffic:
    """The server answers and its counters stand still: a true zero, sampled at `at_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Missing:
    """No value could be read. `reason` is one CamelCase word, `message` a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The newest sample is `age_s` seconds old: too old to act on."""

    age_s: float
    last_value: float | None = None


Reading = Known | NoTraffic | Missing | Stale


def value_or_none(reading: Reading) -> float | None:
    """The value where one is known; 0 for NoTraffic; None for Missing and Stale."""
    match reading:
        case Known(value=value):
            return value
        case NoTraffic():
            return 0.0
        case _:
            return None


def is_blind(reading: Reading) -> bool:
    """True where nothing may be concluded from the reading: Missing or Stale."""
    return isinstance(reading, Missing | Stale)
