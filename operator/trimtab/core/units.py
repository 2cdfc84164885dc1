"""Quantities as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache


def ms(seconds: float) -> str:
    """Seconds as milliseconds with three significant digits: 0.0412 -> 41.2ms."""
    value = seconds * 1000.0
    if value >= 100.0:
        return f"{value:.0f}ms"
    return f"{value:.3g}ms"


def coarse_ms(seconds: float) -> str:
    """Two significant digits, for what is news only when it moves: 41.2 ms and 41.4 ms are alike.

    `saturated` where it is infinite.
    """
    return ms(float(f"{seconds:.2g}")) if math.isfinite(seconds) else "saturated"


def percent(share: float) -> str:
    """A share of 1 as percent, two significant digits: 0.0042 -> 0.42 %."""
    return f"{100.0 * share:.2g} %" if share < 0.995 else f"{100.0 * share:.0f} %"


@lru_cache(maxsize=1024)
def iso(at_s: float) -> str:
    """Seconds since the epoch as Kubernetes writes times: 2026-01-02T03:04:05Z."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rate(per_second: float) -> str:
    """Requests per second, two significant digits above ten: 183.2 -> 183 req/s."""
    return f"{per_second:.0f} req/s" if per_second >= 10.0 else f"{per_second:.1f} req/s"


def mebibytes(size: int) -> str:
    """Bytes in MiB, as a Kubernetes quantity: 67108864 -> 64Mi."""
    return f"{size / 2**20:g}Mi"


def money(per_hour: Decimal | None) -> str:
    """Dollars per hour, exact: 0.30 -> $0.30/h; 'unknown' for None."""
    return "unknown" if per_hour is None else f"${per_hour:f}/h"
