"""The event loop of one model's pods: Triton's dynamic batching, request by request.

Each pod has one queue, first come first served, and a number of instances. An instance that is free
takes what waits, up to the batch cap; with a queue delay it first waits for a full batch, until the
oldest request has waited so long. A request that meets a full queue is rejected. One that has
waited for longer than the pod's timeout when a batch is made goes behind all that have not
(`timeout_action: DELAY`): it fills what they leave of a batch, the oldest first. That is Triton's
dynamic batcher without preferred sizes. Everything is exact at any cut of time: what has not begun
stays in the queue, and what runs is counted when it ends.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.simulate.bins import bin_of
from trimtab.simulate.jit import compiled
from trimtab.simulate.state import (
    ANSWERED,
    BEGAN,
    COMPUTE_S,
    CORE_ENDS,
    DROPPED,
    ENDS,
    EXECUTIONS,
    FAILURE,
    LATENCY_S,
    PENDING,
    PERIOD_S,
    QUEUE_S,
    REQUEST_S,
    REQUESTS,
    SUCCESS,
    WITHIN,
    Counts,
    Floats,
    Ints,
    Pods,
    Speeds,
)


@compiled
def play(
    end_s: float,
    times: Floats,
    rows: Ints,
    waiting: Floats,
    used: Ints,
    pods: Pods,
    speeds: Speeds,
    counts: Counts,
    normals: Floats,
    target_s: float,
) -> tuple[Floats, float]:
    """Plays the pods on from where they stood to `end_s`; `pods` and `counts` are updated.

    times: (N,) ascending arrivals before end_s; rows: (N,) the pod each goes to, -1 where there is
    none. waiting: what waits in the queues, row by row, `pods.waits` of each. used: the rows to
    play, ascending. normals: standard normal draws, one for each execution with a random time.
    Returns what waits at `end_s`, and the arrival of the oldest request that is not answered then
    (infinity where there is none).
    """
    order, starts = _by_row(times, rows, len(pods.kind), counts)
    queue = np.empty(len(waiting) + len(order))
    late = np.empty(len(queue))
    left = np.empty(len(queue))
    drawn = np.zeros(1, np.int64)
    left_count, begun, oldest = 0, 0, math.inf
    for row in used:
        delayed, waits = pods.delayed[row], pods.waits[row]
        late[:delayed] = waiting[begun : begun + delayed]
        queue[: waits - delayed] = waiting[begun + delayed : begun + waits]
        begun += waits
        head, tail, first, last = _serve(
            row, end_s, queue, late, order[starts[row] : starts[row + 1]], pods, speeds, counts,
            normals, drawn, target_s,
        )  # fmt: skip
        # What was delayed is older than all that was not: one ascending list for each pod.
        pods.delayed[row], pods.waits[row] = last - first, last - first + tail - head
        split = left_count + last - first
        left[left_count:split] = late[first:last]
        left[split : split + tail - head] = queue[head:tail]
        waits = left[left_count : split + tail - head]
        left_count += len(waits)
        oldest = min(oldest, _settle(row, end_s, waits, pods, counts, target_s))
    return left[:left_count].copy(), oldest


@compiled
def _by_row(times: Floats, rows: Ints, row_count: int, counts: Counts) -> tuple[Floats, Ints]:
    """The arrivals row by row, and where each row's begin; counts them by minute."""
    minutes = counts.minutes
    starts = np.zeros(row_count + 1, np.int64)
    for i in range(len(times)):
        minute = int(times[i] / 60.0) % len(minutes)
        minutes[minute, REQUESTS] += 1
        if rows[i] < 0:
            minutes[minute, DROPPED] += 1
        else:
            starts[rows[i] + 1] += 1
    for row in range(row_count):
        starts[row + 1] += starts[row]
    order = np.empty(starts[-1])
    fill = starts[:-1].copy()
    for i in range(len(times)):
        if rows[i] >= 0:
            order[fill[rows[i]]] = times[i]
            fill[rows[i]] += 1
    return order, starts


@compiled
def _serve(
    row: int,
    end_s: float,
    queue: Floats,
    late: Floats,
    coming: Floats,
    pods: Pods,
    speeds: Speeds,
    counts: Counts,
    normals: Floats,
    drawn: Ints,
    target_s: float,
) -> tuple[int, int, int, int]:
    """One pod's arrivals and batches in order of time; returns where its queue begins and ends, and
    where what was delayed does.

    late: room for what is delayed, and what was before. drawn: (1,) how many of `normals` are used.
    """
    first, last = 0, pods.delayed[row]
    head, tail, new = 0, pods.waits[row] - last, 0
    while True:
        slot = 0
        for other in range(1, pods.sizes.shape[1]):
            if pods.slots[row, other, ENDS] < pods.slots[row, slot, ENDS]:
                slot = other
        begin = math.inf
        if first < last:
            begin = pods.slots[row, slot, ENDS]
        elif head < tail:
            free_s = pods.slots[row, slot, ENDS]
            begin = _begin_s(queue[head:tail], free_s, pods.cap[row], pods.delay_s[row])
        if begin < end_s and (new == len(coming) or begin < coming[new]):
            if pods.sizes[row, slot] > 0:
                _count(row, slot, pods, counts, target_s)
            while head < tail and begin - queue[head] > pods.timeout_s[row]:
                late[last] = queue[head]
                head, last = head + 1, last + 1
            fresh = min(tail - head, pods.cap[row])
            old = min(last - first, pods.cap[row] - fresh)
            pods.batches[row, slot, :fresh] = queue[head : head + fresh]
            pods.batches[row, slot, fresh : fresh + old] = late[first : first + old]
            head, first = head + fresh, first + old
            _run(row, slot, begin, fresh + old, pods, speeds, normals, drawn)
        elif new < len(coming):
            if 0 < pods.queue_size[row] <= tail - head + last - first:
                counts.counters[row, FAILURE] += 1
                counts.minutes[int(coming[new] / 60.0) % len(counts.minutes), DROPPED] += 1
            else:
                queue[tail] = coming[new]
                tail += 1
            new += 1
        else:
            return head, tail, first, last


@compiled
def _begin_s(queue: Floats, free_s: float, cap: int, delay_s: float) -> float:
    """When the next batch begins if nobody else comes."""
    begin = max(free_s, float(queue[0]))
    if delay_s <= 0.0:
        return begin
    latest = float(queue[0]) + delay_s
    if len(queue) >= cap:
        latest = min(latest, float(queue[cap - 1]))
    return max(begin, latest)


@compiled
def _run(
    row: int,
    slot: int,
    begin: float,
    size: int,
    pods: Pods,
    speeds: Speeds,
    normals: Floats,
    drawn: Ints,
) -> None:
    """Starts the batch that was put into the slot."""
    kind = pods.kind[row]
    core = speeds.core_s[kind, size]
    if speeds.ratio[kind, size] > 0.0:
        shift, median, sigma = speeds.draw[kind]
        core = speeds.ratio[kind, size] * (shift + median * math.exp(sigma * normals[drawn[0]]))
        drawn[0] += 1
    pods.slots[row, slot, BEGAN] = begin
    quota_s = speeds.quota_s[kind]
    core_ends = _ends_s(begin, core, quota_s, pods.used[row])
    pods.slots[row, slot, CORE_ENDS] = core_ends
    front_end_s = size * speeds.front_end_s[kind]
    pods.slots[row, slot, ENDS] = _ends_s(core_ends, front_end_s, quota_s, pods.used[row])
    pods.sizes[row, slot] = size


@compiled
def _ends_s(begin: float, work_s: float, quota_s: float, used: Floats) -> float:
    """When so much work ends that begins then. used: (2,) of the pod, updated.

    Of several instances each finds what those before it have left: exact for one, and for more as
    if they took turns.
    """
    if math.isinf(quota_s):
        return begin + work_s
    period = max(float(math.floor(begin / PERIOD_S)), float(used[0]))
    if period > used[0]:
        used[0], used[1] = period, 0.0
    at_s = max(begin, period * PERIOD_S)
    while True:
        runs_s = min(quota_s - used[1], (used[0] + 1.0) * PERIOD_S - at_s)
        if work_s <= runs_s:
            used[1] += work_s
            return float(at_s + work_s)
        work_s -= max(0.0, runs_s)
        used[0], used[1] = used[0] + 1.0, 0.0
        at_s = used[0] * PERIOD_S


@compiled
def _settle(
    row: int, end_s: float, queue: Floats, pods: Pods, counts: Counts, target_s: float
) -> float:
    """Counts the batches that have ended and reads the gauges; the oldest arrival not answered."""
    open_s, oldest = 0.0, math.inf
    for slot in range(pods.sizes.shape[1]):
        if pods.sizes[row, slot] > 0 and pods.slots[row, slot, ENDS] <= end_s:
            _count(row, slot, pods, counts, target_s)
            pods.sizes[row, slot] = 0
        for i in range(pods.sizes[row, slot]):
            oldest = min(oldest, pods.batches[row, slot, i])
            open_s += end_s - pods.batches[row, slot, i]
    for arrived in queue:
        oldest = min(oldest, arrived)
        open_s += end_s - arrived
    counts.counters[row, PENDING] = len(queue)
    counts.counters[row, REQUEST_S] = counts.counters[row, LATENCY_S] + open_s
    return oldest


@compiled
def _count(row: int, slot: int, pods: Pods, counts: Counts, target_s: float) -> None:
    """Counts a batch that has ended, as Triton does: compute time once for each request in it."""
    began, core_ends, ends = (
        pods.slots[row, slot, BEGAN],
        pods.slots[row, slot, CORE_ENDS],
        pods.slots[row, slot, ENDS],
    )
    size = pods.sizes[row, slot]
    counters = counts.counters[row]
    counters[SUCCESS] += size
    counters[EXECUTIONS] += 1
    counters[COMPUTE_S] += size * (core_ends - began)
    counts.answered[pods.kind[row]] += size
    for arrived in pods.batches[row, slot, :size]:
        counters[QUEUE_S] += began - arrived
        counters[LATENCY_S] += ends - arrived
        minute = int(arrived / 60.0) % len(counts.minutes)
        counts.minutes[minute, ANSWERED] += 1
        counts.minutes[minute, WITHIN] += ends - arrived <= target_s
        fine = bin_of(ends - arrived)
        counts.histogram[minute, fine] += 1
        counts.clients[fine // 2] += 1
        counts.summary[row, (fine if core_ends == ends else bin_of(core_ends - arrived)) // 2] += 1
