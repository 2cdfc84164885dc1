"""The numbers the decision uses that no resource declares, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Windows in seconds; shares are fractions of 1.

    fast_window_s, long_window_s: the windows the arrival rates were read over.
    rate_confidence: how many standard deviations of a Poisson count are added to a measured rate.
    backlog_drain_s: how fast requests in excess of what the SLO allows in flight are worked off.
    late_drain_s: the same where they go behind what can still be in time, and hold up nobody.
    dead_band: how much more load the smaller fleet must carry before the fleet shrinks.
    switch_gain: what share of its cost another variant must save before it is switched to.
    shrink_step: the largest share of the replicas that goes in one tick (one goes at least).
    blind_grow_after_s: how long readings may be missing before the fleet grows to a safe size.
    safe_window_s: the safe size carries the peak of this much of remembered demand.
    unschedulable_after_s: how long a pod may wait for a node before growth stops.
    latency_margin: what share of the target a smaller fleet must leave, as measurements go.
    settle_s: how long after a change a latency summary still tells of the fleet before it.
    burst_ratio: how many times the calm rate the first burst is believed to bring, of which the
    clock or a small jump may tell.
    late_price_s: what one late request is worth, in seconds of the capacity that serves one request
    a second, to a model that is late no more often than its SLO allows. 0 keeps no room for bursts.
    proxies_behind_s: for how long after the API server gave no answer nodes and gateways may not
    know yet which pods leave. They ask again after 30 s at most, or 60 with the jitter of it.
    solver: auto, or exact for the integer optimum of a small fleet.
    """

    fast_window_s: float = 10.0
    long_window_s: float = 60.0
    rate_confidence: float = 0.5
    backlog_drain_s: float = 10.0
    late_drain_s: float = 30.0
    dead_band: float = 0.05
    switch_gain: float = 0.10
    shrink_step: float = 0.25
    blind_grow_after_s: float = 300.0
    safe_window_s: float = 1800.0
    unschedulable_after_s: float = 60.0
    latency_margin: float = 0.2
    settle_s: float = 90.0
    burst_ratio: float = 4.0
    late_price_s: float = 40.0
    proxies_behind_s: float = 60.0
    solver: str = "auto"


DEFAULT_POLICY = PolicySettings()
