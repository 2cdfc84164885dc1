"""An HPA on the mean time a request waits in Triton's queue.

Source: triton-inference-server/server, deploy/k8s-onprem/values.yaml: a Pods metric
`avg_time_queue_us` over 30 s, averageValue 50 (microseconds).
"""

from __future__ import annotations

import math

from trimtab.simulate.policies.hpa import Hpa, wish_for_pods
from trimtab.simulate.policies.rule import View

CHART_TARGET_S = 50e-6
_WINDOW_S = 30.0


class QueueTime:
    """`target_s`: the mean wait that is aimed at. `rate_each`: requests per second one replica is
    planned with before there is anything to measure."""

    def __init__(self, target_s: float, rate_each: float) -> None:
        self._target_s = target_s
        self._rate_each = rate_each
        self._hpa = Hpa()

    def first(self, rate: float) -> int:
        return math.ceil(rate / self._rate_each)

    def replicas(self, view: View, now_s: float) -> int:
        if not self._hpa.due(now_s):
            return view.replicas
        value = view.metrics.queue_time_s(view.model, _WINDOW_S)
        wish = view.replicas
        if value is not None:
            wish = wish_for_pods(value, self._target_s, view.replicas, view.ready)
        return self._hpa.replicas(wish, view.replicas, view.low, view.high, now_s)
