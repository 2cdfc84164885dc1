"""Room for bursts that may come while replicas still start: bought where it is worth its price.

A burst of height J (times the calm rate) comes with a chance p in a window of w seconds, while help
takes `lead` seconds. Room for it costs (J - 1) * w, per request and second of calm. Short of
capacity every request is late, p * J * lead of them; where what is late goes last, only what is too
much, p * (J - 1) * lead. Room is bought where what it saves, at the price of a late request, is at
least that: the same rule for a burst that is due by the clock, and for one that a small jump
announces.
"""

from __future__ import annotations

from typing import NamedTuple

from trimtab.core.forecast.history import History
from trimtab.core.settings import PolicySettings


class Insurance(NamedTuple):
    """What room is bought by.

    lead_s: how long help takes. price_s: what one late request is worth, in seconds of the capacity
    that serves one request a second. late_last: whether late requests go last.
    """

    lead_s: float
    price_s: float
    late_last: bool

    def pays(self, chance: float, height: float, window_s: float) -> bool:
        """Whether room pays for a burst of that height (times the calm rate) that comes with that
        chance in so many seconds, and the lead before them."""
        saved = height - 1.0 if self.late_last else height
        held_s = window_s + self.lead_s
        return height > 1.0 and chance * saved * self.lead_s * self.price_s >= (
            (height - 1.0) * held_s
        )


def expected_height(history: History, policy: PolicySettings) -> float:
    """The height of a burst that may come, times the calm rate: the upper quartile of those seen,
    or what is believed before one was."""
    calm = max(history.calm_rate or 0.0, 1e-9)
    heights = sorted(o.peak_rate / calm for o in history.onsets)
    return heights[(3 * len(heights)) // 4] if heights else policy.burst_ratio
