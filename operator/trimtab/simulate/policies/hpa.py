"""The HorizontalPodAutoscaler's own arithmetic: the ratio, the tolerance, and `behavior`.

Source: kubernetes/kubernetes, pkg/controller/podautoscaler/replica_calculator.go and horizontal.go
(autoscaling/v2). Defaults: a sync every 15 s, a tolerance of 10 %, up by the larger of 100 % and
4 pods in 15 s at once, down by up to 100 % in 15 s to the largest wish of the last 300 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SYNC_S = 15.0
TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """One direction of `behavior`: the larger of `percent` of the replicas and `pods`, in
    `period_s` seconds, once every wish of the last `stabilization_s` seconds asks for it."""

    percent: float
    pods: int
    period_s: float
    stabilization_s: float


@dataclass(frozen=True, slots=True)
class Behavior:
    """Both directions; the defaults are Kubernetes'."""

    up: Pace = Pace(percent=100.0, pods=4, period_s=15.0, stabilization_s=0.0)
    down: Pace = Pace(percent=100.0, pods=0, period_s=15.0, stabilization_s=300.0)


def wish_for_total(total: float, target: float, replicas: int) -> int:
    """Replicas an External metric of type AverageValue asks for: `total` / `target`, or what runs
    where that is within the tolerance. Units of both are the metric's."""
    if abs(total / (target * max(1, replicas)) - 1.0) <= TOLERANCE:
        return replicas
    return math.ceil(total / target - 1e-9)


def wish_for_pods(value: float, target: float, replicas: int, ready: int) -> int:
    """Replicas a Pods metric asks for: `value` is the mean over the `ready` pods.

    Pods that do not report yet count as idle on the way up and as on target on the way down; where
    that turns the direction round, nothing changes.
    """
    ratio = value / target
    if ready == 0 or abs(ratio - 1.0) <= TOLERANCE:
        return replicas
    missing = max(0, replicas - ready)
    filled = ratio * ready + (missing if ratio < 1.0 else 0.0)
    rebalanced = filled / (ready + missing)
    if abs(rebalanced - 1.0) <= TOLERANCE or (rebalanced > 1.0) != (ratio > 1.0):
        return replicas
    wish = math.ceil(filled - 1e-9)
    # Neither may a wish that was filled up cross the number that runs.
    return max(replicas, wish) if ratio > 1.0 else min(replicas, wish)


class Hpa:
    """One HorizontalPodAutoscaler between a wish and the replicas; it keeps wishes and steps."""

    def __init__(self, behavior: Behavior | None = None) -> None:
        self._behavior = behavior or Behavior()
        self._wishes: list[tuple[float, int]] = []
        self._steps: list[tuple[float, int]] = []
        self._synced_s: float | None = None

    def due(self, now_s: float) -> bool:
        """Whether a sync is due; it counts as done then."""
        if self._synced_s is not None and now_s - self._synced_s < SYNC_S - 1e-6:
            return False
        self._synced_s = now_s
        return True

    def replicas(self, wish: int, current: int, low: int, high: int, now_s: float) -> int:
        """The replicas after stabilisation, pace and the bounds `low` and `high`."""
        wish = self._stabilised(min(max(wish, low), high), current, now_s)
        up, down = self._limits(current, now_s)
        wish = min(max(min(wish, up), down), high) if wish != current else wish
        wish = max(wish, low)
        if wish != current:
            self._steps.append((now_s, wish - current))
        return wish

    def _stabilised(self, wish: int, current: int, now_s: float) -> int:
        up, down = self._behavior.up.stabilization_s, self._behavior.down.stabilization_s
        if not self._wishes:
            # A new HPA counts what it finds as its first wish.
            self._wishes = [(now_s, current)]
        kept = [(t, w) for t, w in self._wishes if now_s - t < max(up, down)]
        least = min([wish, *(w for t, w in kept if now_s - t < up)])
        most = max([wish, *(w for t, w in kept if now_s - t < down)])
        self._wishes = [*kept, (now_s, wish)]
        return min(max(current, least), most)

    def _limits(self, current: int, now_s: float) -> tuple[int, int]:
        up, down = self._behavior.up, self._behavior.down
        longest = max(up.period_s, down.period_s)
        self._steps = [(t, s) for t, s in self._steps if now_s - t < longest]
        base = current - sum(s for t, s in self._steps if now_s - t < up.period_s)
        most = max(base + up.pods, math.ceil(base * (1 + up.percent / 100)))
        base = current - sum(s for t, s in self._steps if now_s - t < down.period_s)
        least = min(base - down.pods, int(base * (1 - down.percent / 100)))
        return max(current, most), min(current, least)
