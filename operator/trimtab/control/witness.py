"""What pods count themselves, of models whose readings are missing: asked beside Prometheus.

The counter-example: Prometheus was away for two minutes, in them came the burst of the day, and the
fleet was held at what the calm before it had needed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from trimtab.api.resources import ObjectKey
from trimtab.control.caches import Caches
from trimtab.control.pod_address import serving_addresses
from trimtab.core.signals import Missing, is_blind
from trimtab.core.snapshot import ModelReadings, ModelState
from trimtab.observe.counted import Count, Counted, counted_load, with_count
from trimtab.observe.pod_counts import Counts
from trimtab.observe.queries import ReadSettings

log = logging.getLogger(__name__)

DEADLINE_S = 3.0
"""For all pods in one tick. Those that were not asked in time are the first in the next."""
_BEGINNINGS = frozenset({"NoReadyPods", "Warming"})
"""Not blindness: there is nothing to ask, or Prometheus is about to tell."""

_Pod = tuple[ObjectKey, str]  # the model, and the pod's name


class Pods(Protocol):
    """Whoever can be asked what a pod counts."""

    async def counts(self, address: str, model: str) -> Counts | None:
        """Of one model; None where the pod does not tell."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One pod to be asked, and the model in it."""

    pod: _Pod
    model: str
    address: str


class Witness:
    """Remembers what pods counted for as long as their model is blind."""

    def __init__(self, pods: Pods, caches: Caches, settings: ReadSettings, port: int) -> None:
        self._pods = pods
        self._caches = caches
        self._settings = settings
        self._port = port
        self._blind: frozenset[ObjectKey] = frozenset()
        self._counted: dict[_Pod, Counted] = {}
        self._asked_s: dict[_Pod, float] = {}

    async def ask(self, states: Iterable[ModelState], now_s: float) -> None:
        """Asks the pods of the models that were blind when last told of; a task beside the reading
        of Prometheus, so that a pod that hangs holds up little."""
        asks = sorted(self._asks(states), key=lambda ask: self._asked_s.get(ask.pod, 0.0))
        self._forget({ask.pod for ask in asks})
        began_s = time.monotonic()
        tasks = [asyncio.create_task(self._ask(ask, now_s, began_s)) for ask in asks]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=DEADLINE_S)
        finally:
            for task in tasks:
                task.cancel()  # no effect on a task that is done
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a pod could not be asked what it counts", exc_info=error)

    def told(
        self,
        states: Iterable[ModelState],
        readings: Mapping[ObjectKey, ModelReadings],
        now_s: float,
    ) -> Mapping[ObjectKey, ModelReadings]:
        """The readings of `now_s`, with what was counted then of the models that are blind."""
        blind = {key for key, read in readings.items() if _is_blind(read)}
        self._blind = frozenset(blind)
        if not blind:
            return readings
        fast_s, long_s = self._settings.fast_window_s, self._settings.long_window_s
        return dict(readings) | {
            state.spec.key: replace(
                readings[state.spec.key],
                counted=counted_load(self._counted_of(state), now_s, fast_s, long_s),
            )
            for state in states
            if state.spec.key in blind
        }

    async def _ask(self, ask: _Ask, now_s: float, began_s: float) -> None:
        counts = await self._pods.counts(ask.address, ask.model)
        # Of the answer and not of the tick: a second later is a fifth of what five seconds count.
        at_s = now_s + time.monotonic() - began_s
        self._asked_s[ask.pod] = at_s
        if counts is None:
            return
        known = self._counted.get(ask.pod, ())
        keep_s = self._settings.long_window_s + self._settings.fast_window_s
        self._counted[ask.pod] = with_count(known, Count(at_s, counts), keep_s)

    def _asks(self, states: Iterable[ModelState]) -> Iterator[_Ask]:
        for state in states:
            key = state.spec.key
            if key not in self._blind:
                continue
            for name, address in serving_addresses(self._caches, state, self._port):
                yield _Ask((key, name), state.spec.model, address)

    def _counted_of(self, state: ModelState) -> Iterator[Counted]:
        for pod in (pod for workload in state.workloads for pod in workload.pods):
            counted = self._counted.get((state.spec.key, pod.name))
            if counted is not None:
                yield counted

    def _forget(self, present: Collection[_Pod]) -> None:
        """What is blind no more, or gone, is asked anew the next time."""
        for pod in [p for p in self._asked_s if p not in present]:
            del self._asked_s[pod]
            self._counted.pop(pod, None)


def _is_blind(readings: ModelReadings) -> bool:
    rate = readings.arrival_rate
    beginning = isinstance(rate, Missing) and rate.reason in _BEGINNINGS
    return is_blind(rate) and not beginning
