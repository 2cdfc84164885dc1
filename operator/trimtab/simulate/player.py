"""One model's pods at request level: which exist, who takes what comes, and how time moves on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trimtab.api.resources import ModelDeployment
from trimtab.simulate.bins import COARSE
from trimtab.simulate.kernel import play
from trimtab.simulate.minutes import MinuteBook
from trimtab.simulate.state import (
    COUNTERS,
    ENDS,
    PERIOD_S,
    Counts,
    Floats,
    Ints,
    Pods,
    Speeds,
    no_counts,
    no_pods,
)
from trimtab.simulate.truth import ServiceTruth

_FIRST_ROWS = 8
_FIRST_MINUTES = 4


class Player:
    """The pods of one model that take or took requests; a row each, reused once it is gone.

    departed: (COUNTERS,) the counters of pods that are gone.
    """

    def __init__(self, spec: ModelDeployment, largest: int, workloads: int, seed: Sequence[int]):
        self._max_queue = spec.triton.max_queue_size
        self._target_s = spec.slo.target_s
        self._workloads = workloads
        self._draws = np.random.default_rng(seed)
        self._waiting: Floats = np.empty(0)
        self._free = list(range(_FIRST_ROWS - 1, -1, -1))
        self._used: Ints = np.empty(0, np.int64)
        self._speeds: Speeds | None = None
        self.pods: Pods = no_pods(_FIRST_ROWS, spec.triton.instance_count, largest)
        self.counts: Counts = no_counts(_FIRST_ROWS, workloads, _FIRST_MINUTES)
        self.book = MinuteBook()
        self.departed: Floats = np.zeros(COUNTERS)
        self.arrived = 0
        self.now_s = 0.0

    def set_speeds(self, truths: Sequence[ServiceTruth]) -> None:
        """The true service times from now on, one for each workload."""
        self._speeds = _speeds(truths, self.pods.batches.shape[2])

    def add(
        self,
        kind: int,
        cap: int,
        delay_s: float,
        queue_size: int | None = None,
        timeout_s: float | None = None,
    ) -> int:
        """A pod of that workload becomes Ready now; its row. No `queue_size` is the user's own, no
        `timeout_s` is none."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        pods = self.pods
        pods.kind[row], pods.delay_s[row] = kind, delay_s
        pods.cap[row] = min(max(1, cap), pods.batches.shape[2])
        pods.queue_size[row] = self._max_queue if queue_size is None else queue_size
        pods.timeout_s[row] = math.inf if timeout_s is None else timeout_s
        pods.slots[row], pods.sizes[row] = self.now_s, 0
        pods.used[row] = 0.0
        self.counts.counters[row], self.counts.summary[row] = 0.0, 0
        self._used = np.sort(np.append(self._used, row))
        return row

    def idle_since_s(self, row: int) -> float | None:
        """When a pod that takes no more requests answered its last; None while it has some."""
        if self.pods.waits[row] or self.pods.sizes[row].any():
            return None
        return float(self.pods.slots[row, :, ENDS].max())

    def remove(self, row: int) -> None:
        """The pod is gone."""
        self.departed += self.counts.counters[row]
        self._used = self._used[self._used != row]
        self._free.append(row)

    def play(self, end_s: float, times: Floats, rows: Ints) -> None:
        """Moves on to `end_s` with those arrivals, each to the pod of that row; -1 is dropped."""
        assert self._speeds is not None
        self.counts = self.book.room(self.counts, end_s)
        random = bool(self._speeds.ratio.any())
        normals = np.empty(0)
        if random:
            normals = self._draws.standard_normal(len(self._waiting) + len(times))
        self._waiting, oldest = play(
            end_s,
            times,
            rows,
            self._waiting,
            self._used,
            self.pods,
            self._speeds,
            self.counts,
            normals,
            self._target_s,
        )
        self.arrived += len(times)
        self.now_s = end_s
        self.book.close(self.counts, min(oldest, end_s))

    def finish(self, end_s: float) -> None:
        """Answers what waits, with nothing more to come, and closes the book at `end_s`."""
        none = np.empty(0)
        assert self._speeds is not None
        play(
            math.inf,
            none,
            none.astype(np.int64),
            self._waiting,
            self._used,
            self.pods,
            self._speeds,
            self.counts,
            self._draws.standard_normal(len(self._waiting)),
            self._target_s,
        )
        self.book.close_all(self.counts, end_s)

    def totals(self) -> Floats:
        """The counters over all pods there ever were, shape (COUNTERS,)."""
        totals: Floats = self.counts.counters[self._used].sum(axis=0) + self.departed
        return totals

    def _grow(self) -> None:
        """Twice as many rows."""
        rows = len(self.pods.kind)
        self._free = list(range(2 * rows - 1, rows - 1, -1))
        pods = no_pods(2 * rows, self.pods.sizes.shape[1], self.pods.batches.shape[2])
        for new, old in zip(pods, self.pods, strict=True):
            new[:rows] = old
        counts = self.counts._replace(
            counters=np.zeros((2 * rows, COUNTERS)), summary=np.zeros((2 * rows, COARSE), np.int64)
        )
        counts.counters[:rows], counts.summary[:rows] = self.counts.counters, self.counts.summary
        self.pods, self.counts = pods, counts


def largest_batch(spec: ModelDeployment) -> int:
    """The largest batch that a pod of the model can be given."""
    return max(1, spec.triton.max_batch_size)


def _speeds(truths: Sequence[ServiceTruth], largest: int) -> Speeds:
    speeds = Speeds(
        np.zeros((len(truths), largest + 1)),
        np.zeros((len(truths), largest + 1)),
        np.zeros((len(truths), 3)),
        np.array([t.front_end_s for t in truths]),
        np.array([t.cpu_limit * PERIOD_S for t in truths]),
    )
    for kind, truth in enumerate(truths):
        curve = np.array([truth.curve.seconds(b) for b in range(1, largest + 1)])
        if truth.distribution is None:
            speeds.core_s[kind, 1:] = curve
        else:
            drawn = truth.distribution
            speeds.ratio[kind, 1:] = curve / truth.curve.points[0][1]
            speeds.draw[kind] = drawn.shift_s, drawn.median_s, drawn.sigma
    return speeds
