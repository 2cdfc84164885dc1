"""KEDA's Prometheus scaler on requests per second.

Source: keda.sh, ScaledObject specification: KEDA wakes a workload from 0 to 1 at its own polling
interval (30 s); from 1 on an HPA asks KEDA at each of its syncs, so its pace is the HPA's. The
query is sum(rate(...[1m])), the threshold an AverageValue. An empty answer holds the fleet.
"""

from __future__ import annotations

import math

from trimtab.simulate.policies.hpa import Hpa, wish_for_total
from trimtab.simulate.policies.rule import View

_WINDOW_S = 60.0


class RequestRate:
    """`target_rate`: requests per second aimed at per replica."""

    def __init__(self, target_rate: float) -> None:
        self._target_rate = target_rate
        self._hpa = Hpa()

    def first(self, rate: float) -> int:
        return math.ceil(rate / self._target_rate)

    def replicas(self, view: View, now_s: float) -> int:
        if not self._hpa.due(now_s):
            return view.replicas
        rate = view.metrics.rate(view.model, _WINDOW_S)
        wish = view.replicas
        if rate is not None:
            wish = wish_for_total(rate, self._target_rate, view.replicas)
        return self._hpa.replicas(wish, view.replicas, view.low, view.high, now_s)
