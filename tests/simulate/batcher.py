"""Triton's dynamic batcher, slowly and plainly, one pod: what the kernel is held against."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ARRIVAL, END, TIMER = range(3)


@dataclass
class Outcome:
    """Latencies and waits of the answered requests, sizes of the batches, rejected requests."""

    latencies_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    compute_s: float = 0.0
    rejected: int = 0


def serve(
    arrivals_s: Sequence[float],
    service_s: Callable[[int], float],
    *,
    instances: int = 1,
    cap: int = 1,
    delay_s: float = 0.0,
    max_queue: int = 0,
    timeout_s: float = math.inf,
) -> Outcome:
    """Plays the arrivals, event by event, until all are answered.

    Who has waited for longer than the timeout when a batch is made goes behind all that have not.
    """
    outcome = Outcome()
    events = [(t, ARRIVAL) for t in arrivals_s]
    heapq.heapify(events)
    queue: list[float] = []
    late: list[float] = []
    idle = instances
    while events:
        now_s, kind = heapq.heappop(events)
        if kind == ARRIVAL:
            if max_queue and len(queue) + len(late) >= max_queue:
                outcome.rejected += 1
            else:
                queue.append(now_s)
        elif kind == END:
            idle += 1
        while (queue or late) and idle:
            due_s = queue[0] + delay_s if queue and not late else now_s
            if len(queue) < cap and now_s < due_s:
                heapq.heappush(events, (due_s, TIMER))
                break
            late += [t for t in queue if now_s - t > timeout_s]
            queue = [t for t in queue if now_s - t <= timeout_s]
            batch, queue = queue[:cap], queue[cap:]
            room = cap - len(batch)
            batch, late = batch + late[:room], late[room:]
            took_s = service_s(len(batch))
            idle -= 1
            heapq.heappush(events, (now_s + took_s, END))
            outcome.batches.append(len(batch))
            outcome.compute_s += took_s * len(batch)
            outcome.waits_s += [now_s - t for t in batch]
            outcome.latencies_s += [now_s + took_s - t for t in batch]
    return outcome
