"""llm-d's rule on the ratio of a measured P90 to the SLO.

Source: llm-d/llm-d, guides/workload-autoscaling/slo-aware/README.md. s is the mean over 45 s (rules
evaluated every 15 s) of P90/SLO over 1 minute, each clamped to 2.0 and 0 without traffic. With n
replicas of which r are ready: up to n + ceil(n*(s*r/n/0.55 - 1)) where s > 0.55, down to
n - floor(n*(1 - s/0.40)) where s < 0.40, else n. Its HPA goes up by max(100 %, 4 pods) in 60 s
after 30 s, and down by one pod in 120 s after 180 s.
"""

from __future__ import annotations

import math

from trimtab.simulate.policies.hpa import SYNC_S, Behavior, Hpa, Pace, wish_for_total
from trimtab.simulate.policies.rule import View

UP = 0.55
_DOWN_OF_UP = 0.40 / 0.55
_CLAMP = 2.0
_SAMPLES = round(45.0 / SYNC_S)
_WINDOW_S = 60.0
_BEHAVIOR = Behavior(
    up=Pace(percent=100.0, pods=4, period_s=60.0, stabilization_s=30.0),
    down=Pace(percent=0.0, pods=1, period_s=120.0, stabilization_s=180.0),
)


class SloRatio:
    """`up`: the ratio above which it grows; it shrinks below 0.40/0.55 of it. `rate_each`: as for
    QueueTime."""

    def __init__(self, target_s: float, rate_each: float, up: float = UP) -> None:
        self._target_s = target_s
        self._rate_each = rate_each
        self._up, self._down = up, up * _DOWN_OF_UP
        self._hpa = Hpa(_BEHAVIOR)
        self._ratios: list[float] = []

    def first(self, rate: float) -> int:
        return math.ceil(rate / self._rate_each)

    def replicas(self, view: View, now_s: float) -> int:
        if not self._hpa.due(now_s):
            return view.replicas
        latency_s = view.metrics.latency_s(view.model, 90.0, _WINDOW_S)
        ratio = 0.0 if latency_s is None else min(latency_s / self._target_s, _CLAMP)
        self._ratios = [*self._ratios, ratio][-_SAMPLES:]
        mean = sum(self._ratios) / len(self._ratios)
        # The formula's outcome passes through an AverageValue of 1, and so the HPA's tolerance.
        wish = wish_for_total(self._desired(mean, view.replicas, view.ready), 1.0, view.replicas)
        return self._hpa.replicas(wish, view.replicas, view.low, view.high, now_s)

    def _desired(self, ratio: float, replicas: int, ready: int) -> int:
        credit = ready / replicas if 0 < ready < replicas else 1.0
        if ratio > self._up:
            return replicas + math.ceil(replicas * (ratio * credit / self._up - 1.0) - 1e-9)
        if ratio < self._down:
            return replicas - math.floor(replicas * (1.0 - ratio / self._down) + 1e-9)
        return replicas
