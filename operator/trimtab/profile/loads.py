"""Latency under shares of what a server answers at most: open loop, from when a request was due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trimtab.profile.arrivals import poisson
from trimtab.profile.counters import Counters
from trimtab.profile.interval import Quantile, quantile
from trimtab.profile.live import Due
from trimtab.profile.play import Played
from trimtab.profile.watch import Watch, check_answers

SHARES = (0.3, 0.6, 0.9)
_REQUESTS = 1000  # of which p99 has an interval
_LONGEST = 3.0  # times the seconds asked for
_WARM = 0.1  # of a load: the queue is still filling


@dataclass(frozen=True, slots=True)
class Load:
    """What clients saw. `rate`: requests/s as they were sent; seconds over good answers alone.

    `lag_s`: by how much this client was late itself, at p99. `outside_s`: of a request's mean, what
    passed outside Triton's queue and executions: HTTP, the network, this client.
    """

    share: float
    rate: float
    requests: int
    failed: int
    p50_s: Quantile
    p99_s: Quantile
    lag_s: float
    outside_s: float = 0.0


async def measure_loads(
    watch: Watch, most: float, seconds: float, step: Callable[[int], None] = lambda _: None
) -> tuple[Load, ...]:
    """One for each of SHARES of `most` (requests/s)."""
    found = []
    for share in SHARES:
        found.append(await _load(watch, share, share * most, seconds))
        step(1)
    return tuple(found)


async def _load(watch: Watch, share: float, rate: float, seconds: float) -> Load:
    length_s = min(max(seconds, _REQUESTS / rate), _LONGEST * seconds)
    rng = np.random.default_rng(round(100 * share))
    arrivals = poisson(rate, length_s, rng) or [0.0]
    played, grown = await watch.play([Due(at_s) for at_s in arrivals])
    counted = [a for a in played.answers if a.at_s >= _WARM * length_s] or list(played.answers)
    good = [a.latency_s for a in counted if not a.error]
    if not good:
        check_answers(played)
    return Load(
        share=share,
        rate=len(counted) / (length_s * (1.0 - _WARM)),
        requests=len(counted),
        failed=len(counted) - len(good),
        p50_s=quantile(good, 0.5),
        p99_s=quantile(good, 0.99),
        lag_s=quantile([a.lag_s for a in counted], 0.99).value,
        outside_s=_outside_s(played, grown),
    )


def _outside_s(played: Played, grown: Counters) -> float:
    seen = [a.latency_s for a in played.answers if not a.error]
    inside_s = grown.requests.seconds / max(1, grown.requests.count)
    return max(0.0, sum(seen) / len(seen) - inside_s) if grown.requests.count else 0.0
