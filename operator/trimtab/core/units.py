"""Quantities as people read them."""

from __future__ import annotations

from decimal import Decimal


def ms(seconds: float) -> str:
    """Seconds as milliseconds with three significant digits: 0.0412 -> 41.2ms."""
    value = seconds * 1000.0
    if value >= 100.0:
        return f"{value:.0f}ms"
    return f"{value:.3g}ms"


def rate(per_second: float) -> str:
    """Requests per second, two significant digits above ten: 183.2 -> 183 req/s."""
    return f"{per_second:.0f} req/s" if per_second >= 10.0 else f"{per_second:.1f} req/s"


def money(per_hour: Decimal | None) -> str:
    """Dollars per hour, exact: 0.30 -> $0.30/h; 'unknown' for None."""
    return "unknown" if per_hour is None else f"${per_hour:f}/h"
