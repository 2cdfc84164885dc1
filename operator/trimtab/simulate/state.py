"""What the event loop works on, as arrays; shapes in the docstrings.

N requests, R rows (one a pod), I instances, C the largest batch, K workloads, M open minutes, B
bins. Times are seconds of the run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.bins import BINS, COARSE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Columns of a pod's counters: cumulative but for PENDING, which is a gauge.
SUCCESS, FAILURE, EXECUTIONS, COMPUTE_S, QUEUE_S, PENDING, LATENCY_S, REQUEST_S = range(8)
COUNTERS = 8
# Columns of a minute's counts.
REQUESTS, ANSWERED, WITHIN, DROPPED = range(4)
MINUTE_COUNTS = 4
PERIOD_S = 0.1
"""Of the CPU quota of a container, as a kubelet has it unless told otherwise."""
# Columns of a slot: when its batch ends, when it began, when Triton's own part of it ends.
ENDS, BEGAN, CORE_ENDS = range(3)


class Pods(NamedTuple):
    """Each pod's set-up and what it holds.

    kind, cap, delay_s: (R,) workload, batch cap and queue delay. queue_size: (R,) requests that may
    wait, 0 is any number; waits: (R,) those that do. timeout_s: (R,) how long one may wait before
    it goes behind all others, infinity never; delayed: (R,) those of `waits` that do.
    slots: (R, I, 3); used: (R, 2) the number of the period of its CPU quota that it is in, and the
    seconds it ran in it; sizes: (R, I) the requests in each running batch; batches: (R, I, C) their
    arrivals.
    """

    kind: Ints
    cap: Ints
    delay_s: Floats
    queue_size: Ints
    waits: Ints
    timeout_s: Floats
    delayed: Ints
    slots: Floats
    used: Floats
    sizes: Ints
    batches: Floats


class Speeds(NamedTuple):
    """True service times. core_s: (K, C + 1) seconds by batch size where `ratio`, (K, C + 1), is 0;
    else ratio times a draw. draw: (K, 3) shift, median, sigma. front_end_s: (K,) a request.
    quota_s: (K,) for how long a pod may run in each PERIOD_S, infinity without a limit."""

    core_s: Floats
    ratio: Floats
    draw: Floats
    front_end_s: Floats
    quota_s: Floats


class Counts(NamedTuple):
    """What is counted.

    counters: (R, COUNTERS), cumulative. summary: (R, COARSE) latencies as Triton sees them, and
    clients: (COARSE,) as its clients do, both since they were last cleared. answered: (K,).
    minutes: (M, MINUTE_COUNTS) and histogram: (M, B), by arrival minute modulo M.
    """

    counters: Floats
    summary: Ints
    clients: Ints
    answered: Ints
    minutes: Ints
    histogram: Ints


def no_pods(rows: int, instances: int, largest: int) -> Pods:
    """Room for so many pods."""
    return Pods(
        np.zeros(rows, np.int64),
        np.ones(rows, np.int64),
        np.zeros(rows),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int64),
        np.full(rows, np.inf),
        np.zeros(rows, np.int64),
        np.zeros((rows, instances, 3)),
        np.zeros((rows, 2)),
        np.zeros((rows, instances), np.int64),
        np.zeros((rows, instances, largest)),
    )


def no_counts(rows: int, workloads: int, minutes: int) -> Counts:
    """Room to count in."""
    return Counts(
        np.zeros((rows, COUNTERS)),
        np.zeros((rows, COARSE), np.int64),
        np.zeros(COARSE, np.int64),
        np.zeros(workloads, np.int64),
        np.zeros((minutes, MINUTE_COUNTS), np.int64),
        np.zeros((minutes, BINS), np.int64),
    )
