"""What makes a figure doubtful, in words."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.profile.capacity import Capacity
from trimtab.profile.loads import Load
from trimtab.profile.model import Model

_LATE = 0.1  # of the median latency


def notes(
    model: Model, capacity: Capacity, loads: Sequence[Load], *, is_shared: bool
) -> tuple[str, ...]:
    """A sentence each."""
    found = []
    if is_shared:
        found.append("The server served other traffic meanwhile: times and rates are of both.")
    if not capacity.is_reached:
        found.append(
            "This client could send no more than the server answered: run it on another machine."
        )
    if not model.batches and model.max_batch > 1:
        found.append(
            "Without dynamic_batching in config.pbtxt Triton executes each request alone; the "
            "loads are of that."
        )
    if model.queue_delay_s > 0.0:
        found.append(
            f"Triton waits up to {1000 * model.queue_delay_s:g} ms for fuller batches "
            "(max_queue_delay_microseconds); the prediction is without."
        )
    late = [load for load in loads if load.lag_s > _LATE * load.p50_s.value]
    if late:
        worst_ms = 1000.0 * max(load.lag_s for load in late)
        found.append(
            f"This client was late itself, by {worst_ms:.2g} ms at p99: the machine it shares with "
            "the server, or its own, is busy."
        )
    return tuple(found)
