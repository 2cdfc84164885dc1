"""Room for bursts that may come while replicas still start: bought where it is worth its price.

A burst of height J (times the calm rate) that comes with a chance p in a window of w seconds, while
help takes `lead` seconds, makes about p * J * lead requests late per calm request and second: short
of capacity every request is late. Room for it costs (J - 1) * w. It is bought where what it saves,
at the price of a late request, is at least that: the same rule for a burst that is due by the
clock, and for one that a small jump announces.
"""

from __future__ import annotations

from trimtab.core.forecast.history import History
from trimtab.core.settings import PolicySettings


def worth(chance: float, height: float, window_s: float, lead_s: float, price_s: float) -> bool:
    """Whether room for a burst pays.

    price_s: what one late request is worth, in seconds of the capacity that serves one request a
    second.
    """
    return height > 1.0 and chance * height * lead_s * price_s >= (height - 1.0) * window_s


def expected_height(history: History, policy: PolicySettings) -> float:
    """The height of a burst that may come, times the calm rate: the upper quartile of those seen,
    or what is believed before one was."""
    calm = max(history.calm_rate or 0.0, 1e-9)
    heights = sorted(o.peak_rate / calm for o in history.onsets)
    return heights[(3 * len(heights)) // 4] if heights else policy.burst_ratio
