"""A replica as events: Poisson arrivals, whatever waits is taken up to the cap, and runs."""

from __future__ import annotations

import random

from trimtab.core.latency import ServiceCurve


def simulated_latencies(
    curve: ServiceCurve, cap: int, rate: float, requests: int, seed: int
) -> list[float]:
    """Seconds from arrival to answer of each request, ascending; one instance."""
    rng = random.Random(seed)
    arrivals: list[float] = []
    now = 0.0
    for _ in range(requests):
        now += rng.expovariate(rate)
        arrivals.append(now)
    seconds = [0.0] + [curve.seconds(b) for b in range(1, cap + 1)]
    latencies: list[float] = []
    free, first = 0.0, 0
    while first < requests:
        start = max(free, arrivals[first])
        last = first + 1
        while last < requests and last - first < cap and arrivals[last] <= start:
            last += 1
        free = start + seconds[last - first]
        latencies.extend(free - at for at in arrivals[first:last])
        first = last
    latencies.sort()
    return latencies


def simulated_percentile(
    curve: ServiceCurve, cap: int, rate: float, percentile: float, requests: int = 60_000
) -> float:
    """The latency percentile in seconds, after a fixed seed."""
    latencies = simulated_latencies(curve, cap, rate, requests, seed=11)
    return latencies[min(len(latencies) - 1, int(len(latencies) * percentile / 100.0))]
