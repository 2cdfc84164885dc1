"""How much of what the promise allows to be late has been late: what the next late request costs.

A p99 is a promise that one request in a hundred may be late. Room for bursts is bought at a price
per late request; which price keeps the promise differs from service to service, and is learnt as
the multiplier of a constraint is: what has overdrawn pays more, until it no longer does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

_MEMORY_S = 21600.0
_BELIEVED_S = 3600.0  # so long is believed to have gone well before anything was seen
_MOST = 32.0
_BURST_EVERY_S = 7200.0  # believed before any was seen


class ErrorBudget(NamedTuple):
    """items: that came; late: those that came to a backlog. Both fade over six hours. late_s: when
    there last was a backlog; backlog: how large it is."""

    items: float = 0.0
    late: float = 0.0
    late_s: float | None = None
    backlog: float = 0.0

    def heard(
        self, now_s: float, rate: float, step_s: float, backlog: float, *, late_last: bool
    ) -> ErrorBudget:
        """After `step_s` seconds at a rate, in items/s, that ended with so many items that wait
        beyond what is in time.

        late_last: those go behind what still can be in time, so that only what was added to them is
        late. Else all that came is, as it found them before itself.
        """
        kept, items = math.exp(-step_s / _MEMORY_S), rate * step_s
        found = max(0.0, backlog - self.backlog) if late_last else items
        late = self.late * kept + (found if backlog else 0.0)
        late_s = now_s if backlog else self.late_s
        return ErrorBudget(self.items * kept + items, late, late_s, backlog)

    def overdrawn(self, rate: float, percentile: float, burst_late_s: float) -> float:
        """By what factor more was late than may be, or would be of a fleet that keeps no room; 1
        where it is no more.

        rate: the usual one, items/s. percentile: the SLO's, 0.99 for a p99. burst_late_s: what a
        burst makes late that finds no room, in seconds of the usual rate.
        """
        tail = 1.0 - percentile
        allowed = tail * (self.items + rate * _BELIEVED_S)
        unready = burst_late_s / _BURST_EVERY_S / tail
        seen = self.late / allowed if allowed > 0.0 else 0.0
        return min(_MOST, max(1.0, unready, seen))
