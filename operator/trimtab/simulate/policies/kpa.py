"""Knative's pod autoscaler on concurrency.

Source: knative/serving, pkg/autoscaler/scaling/autoscaler.go; defaults of its config-autoscaler:
stable window 60 s, panic window 10 % of it, panic threshold 200 %, target utilisation 70 %,
max-scale-up-rate 1000, max-scale-down-rate 2, scale-down-delay 0, a decision every 2 s (here: every
tick).
"""

from __future__ import annotations

import math

from trimtab.simulate.policies.rule import View

UTILISATION = 0.7
_STABLE_S = 60.0
_PANIC_S = 6.0
_PANIC_THRESHOLD = 2.0
_MAX_UP_RATE = 1000.0
_MAX_DOWN_RATE = 2.0


class Kpa:
    """`target`: requests in flight aimed at per replica, after the utilisation. `latency_s`: mean
    seconds a request takes, for the size before there is anything to measure."""

    def __init__(self, target: float, latency_s: float) -> None:
        self._target = target
        self._latency_s = latency_s
        self._panic_s: float | None = None
        self._most = 0
        self._began = False

    def first(self, rate: float) -> int:
        return math.ceil(rate * self._latency_s / self._target)

    def replicas(self, view: View, now_s: float) -> int:
        self._begin(view, now_s)
        stable = view.metrics.concurrency(view.model, _STABLE_S)
        panic = view.metrics.concurrency(view.model, _PANIC_S)
        if stable is None or panic is None:
            return view.replicas
        ready = max(1, view.ready)
        wanted_panic = math.ceil(panic / self._target)
        wish = _within(math.ceil(stable / self._target), ready)
        self._note_panic(wanted_panic / ready >= _PANIC_THRESHOLD, now_s)
        if self._panic_s is None:
            return wish
        # In panic nothing is taken away.
        self._most = max(self._most, wish, _within(wanted_panic, ready))
        return self._most

    def _begin(self, view: View, now_s: float) -> None:
        """An autoscaler that finds more than one pod begins in panic, lest a short history shrink
        the fleet."""
        if not self._began and view.ready > 1:
            self._panic_s, self._most = now_s, view.ready
        self._began = True

    def _note_panic(self, over: bool, now_s: float) -> None:
        if over:
            self._panic_s = now_s
        elif self._panic_s is not None and now_s - self._panic_s > _STABLE_S:
            self._panic_s, self._most = None, 0


def _within(wish: int, ready: int) -> int:
    return int(min(max(wish, ready // _MAX_DOWN_RATE), math.ceil(ready * _MAX_UP_RATE)))
