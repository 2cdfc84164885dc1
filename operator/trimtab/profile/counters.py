"""Triton's own statistics of a model: what was executed, by batch size, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PARTS = ("compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True, slots=True)
class Executions:
    """How many, and the seconds they took together: input, inference and output."""

    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the model was loaded. `items`: inferences that succeeded, a batch counted as many.

    `by_batch`: the executions of each batch size. `cached`: answers from the response cache.
    `requests`: those that succeeded, and their seconds from Triton's queue to the answer.
    """

    items: int
    failed: int
    cached: int
    by_batch: Mapping[int, Executions]
    requests: Executions = Executions()

    def since(self, before: Counters) -> Counters:
        """What came on top."""
        return Counters(
            self.items - before.items,
            self.failed - before.failed,
            self.cached - before.cached,
            {b: _less(e, before.by_batch.get(b, Executions())) for b, e in self.by_batch.items()},
            _less(self.requests, before.requests),
        )

    def of(self, batch: int) -> Executions:
        """Of one batch size; none where there were none."""
        return self.by_batch.get(batch, Executions())


def read_counters(entry: Mapping[str, Any]) -> Counters:
    """From an entry of `model_stats`."""
    told = entry.get("inference_stats") or {}
    success = told.get("success") or {}
    return Counters(
        items=int(entry.get("inference_count", 0)),
        failed=int((told.get("fail") or {}).get("count", 0)),
        cached=int((told.get("cache_hit") or {}).get("count", 0)),
        requests=Executions(int(success.get("count", 0)), int(success.get("ns", 0)) * 1e-9),
        by_batch={
            int(batch["batch_size"]): Executions(
                int(batch["compute_infer"]["count"]),
                sum(int(batch[part]["ns"]) for part in _PARTS) * 1e-9,
            )
            for batch in entry.get("batch_stats") or ()
        },
    )


def _less(after: Executions, before: Executions) -> Executions:
    return Executions(after.count - before.count, after.seconds - before.seconds)
