"""Rates as they are read: counts over windows of ten seconds, every five."""

from __future__ import annotations

import math
import random

from tests.core.builders import Load
from trimtab.core.forecast import Forecast, History, forecast, record
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings

TICK_S = 5.0
NO_ROOM_FOR_BURSTS = PolicySettings(late_price_s=0.0)
WINDOW_S = 10.0
LEAD_S = 60.0
HOLD_S = 50.0
P99 = 0.99
ACQUAINTED_S = 86400.0  # long past believing in bursts that it never saw


def poisson(load: Load, seed: int, lots: float = 1.0) -> Load:
    """Counts of a tick, by their normal approximation; requests come in lots of so many."""
    rng = random.Random(seed)
    drawn: dict[float, float] = {}

    def noisy(t_s: float) -> float:
        rate = load(t_s)
        return drawn.setdefault(t_s, max(0.0, rng.gauss(rate, math.sqrt(lots * rate / TICK_S))))

    return noisy


def bursts(calm: float, high: float, *starts_s: float, lasts_s: float = 90.0) -> Load:
    """A calm rate, and a higher one for a while from each of these times on."""
    return lambda t: high if any(0.0 <= t - s < lasts_s for s in starts_s) else calm


def watch(
    load: Load,
    from_s: float,
    to_s: float,
    history: History | None = None,
    *,
    late: tuple[float, float] = (0.0, 0.0),
    late_last: bool = True,
) -> History:
    """What is remembered of the load from the first time to the last, both read; with a backlog
    from one time of `late` until the other, that grows by 50 items in each tick."""
    history = history or History()
    t = from_s
    while t <= to_s:
        rate = (load(t) + load(t - TICK_S)) * TICK_S / WINDOW_S
        backlog = 50.0 * ((t - late[0]) // TICK_S + 1.0) if late[0] <= t < late[1] else 0.0
        history = record(history, t, rate, WINDOW_S, LEAD_S, HOLD_S, backlog, late_last=late_last)
        t += TICK_S
    return history


def ahead(
    history: History,
    policy: PolicySettings = DEFAULT_POLICY,
    lead_s: float = LEAD_S,
    level: float | None = None,
) -> Forecast:
    """The forecast at the time of the last rate. The level is that of the last minute."""
    now_s = history.recent[-1][0]
    minute = [r for t, r in history.recent if t > now_s - 60.0]
    level = sum(minute) / len(minute) if level is None else level
    return forecast(history, level, now_s, lead_s, P99, policy)
