"""How much of what the promise allows to be late has been late: what the next late request costs.

A p99 is a promise that one request in a hundred may be late. Room for bursts is bought at a price
per late request; which price keeps the promise differs from service to service, and is learnt as
the multiplier of a constraint is: what has overdrawn pays more, until it no longer does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_MEMORY_S = 21600.0
_BELIEVED_S = 3600.0  # so long is believed to have gone well before anything was seen
_MOST = 32.0


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """items: that came; late: those that came to a backlog. Both fade over six hours. late_s: when
    there last was a backlog."""

    items: float = 0.0
    late: float = 0.0
    late_s: float | None = None

    def heard(self, now_s: float, rate: float, step_s: float, *, is_late: bool) -> ErrorBudget:
        """After `step_s` seconds at a rate, in items/s, with a backlog or without."""
        kept, items = math.exp(-step_s / _MEMORY_S), rate * step_s
        late = self.late * kept + (items if is_late else 0.0)
        return ErrorBudget(self.items * kept + items, late, now_s if is_late else self.late_s)

    def overdrawn(self, rate: float, percentile: float) -> float:
        """By what factor more was late than may be; 1 where it was no more.

        rate: the usual one, items/s. percentile: the SLO's, 0.99 for a p99.
        """
        allowed = (1.0 - percentile) * (self.items + rate * _BELIEVED_S)
        return min(_MOST, max(1.0, self.late / allowed)) if allowed > 0.0 else 1.0
