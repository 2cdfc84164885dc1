"""What became of the requests, and what it adds up to. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Result(NamedTuple):
    """One request. Times are seconds; `scheduled_s` counts from the start of the run.

    `latency_s` runs from the scheduled time to the last byte of the answer, or to the failure.
    `lag_s`, a part of it, is how late the generator itself was: where it is not small, this machine
    and not the server is being measured. `status` is 0 when no HTTP answer came; `error` is empty
    when the answer was good; `correct` says whether the class was the expected one, None if nobody
    asked. `retries` is how often its connection was refused and tried again.
    """

    scheduled_s: float
    latency_s: float
    lag_s: float
    status: int
    error: str
    correct: bool | None
    retries: int = 0


class Second(NamedTuple):
    """One second of a run as it happens: what was sent in it, and what finished in it."""

    second: int
    sent: int
    ok: int
    failed: int
    in_flight: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Percentiles are over good answers alone: a refused connection is quick, and would flatter.

    So `failed` belongs beside every percentile that is shown.
    """

    requests: int
    failed: int
    errors: dict[str, int]
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None
    lag_p99_s: float | None
    accuracy: float | None
    connect_retries: int = 0


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """Nearest rank: the smallest value that `percent` of all do not exceed. None for no values.

    A value that was measured, never one in between: the mean of two requests happened to nobody.
    """
    if not ascending:
        return None
    # 99 % of 100 must be rank 99, though 0.99 * 100 may come out a hair above it.
    rank = math.ceil(round(percent / 100 * len(ascending), 9))
    return ascending[min(max(rank, 1), len(ascending)) - 1]


def summarise(results: Iterable[Result], start_s: float = 0.0, end_s: float = math.inf) -> Summary:
    """Everything scheduled in [start_s, end_s), whenever it finished."""
    chosen = [result for result in results if start_s <= result.scheduled_s < end_s]
    good = sorted(result.latency_s for result in chosen if not result.error)
    judged = [result.correct for result in chosen if result.correct is not None]
    return Summary(
        requests=len(chosen),
        failed=len(chosen) - len(good),
        errors=dict(Counter(result.error for result in chosen if result.error)),
        mean_s=sum(good) / len(good) if good else None,
        p50_s=percentile(good, 50),
        p95_s=percentile(good, 95),
        p99_s=percentile(good, 99),
        max_s=good[-1] if good else None,
        lag_p99_s=percentile(sorted(result.lag_s for result in chosen), 99),
        accuracy=sum(judged) / len(judged) if judged else None,
        connect_retries=sum(result.retries for result in chosen),
    )


class Tally:
    """Counts one second at a time for the live account."""

    def __init__(self) -> None:
        self._second = 0
        self._sent = 0
        self._in_flight = 0
        self._failed = 0
        self._latencies: list[float] = []

    def sent(self) -> None:
        self._sent += 1
        self._in_flight += 1

    def finished(self, result: Result) -> None:
        self._in_flight -= 1
        if result.error:
            self._failed += 1
        else:
            self._latencies.append(result.latency_s)

    def close_second(self) -> Second:
        """What the second now ending held; the next one begins empty."""
        good = sorted(self._latencies)
        second = Second(
            self._second,
            self._sent,
            len(good),
            self._failed,
            self._in_flight,
            percentile(good, 50),
            percentile(good, 99),
        )
        self._second += 1
        self._sent = self._failed = 0
        self._latencies = []
        return second
