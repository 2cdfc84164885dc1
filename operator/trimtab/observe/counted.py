"""A model's load as its pods count it themselves, for while Prometheus does not tell. Pure.

It is a lower bound: a pod that gave no answer, or only one yet, counts for nothing. So a fleet may
grow on it, and must not shrink.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from trimtab.core.response_cache import counted_share
from trimtab.core.snapshot import CountedLoad
from trimtab.observe.pod_counts import Counts

_SLACK_S = 1.0  # ticks are a little late or early, and two of them fill ten seconds


class Count(NamedTuple):
    """What one pod had counted of a model at a moment (seconds since the epoch)."""

    at_s: float
    counts: Counts


Counted = tuple[Count, ...]
"""Of one pod and model, the oldest first."""


class _Rates(NamedTuple):
    """Per second, over some window; growth is of what waits."""

    success: float = 0.0
    failure: float = 0.0
    hits: float = 0.0
    items: float = 0.0
    growth: float = 0.0

    @property
    def executing(self) -> float:
        """What arrives (answered, failed, and the growth of the backlog) and is not left to
        response caches."""
        arriving = self.success + self.failure + max(0.0, self.growth)
        return arriving * (1.0 - counted_share(arriving, self.hits))


def with_count(known: Counted, count: Count, keep_s: float) -> Counted:
    """With one more, and without what is older than `keep_s` seconds before it, was counted by a
    Triton that has started anew since, or by a clock that was set back since."""
    if known and not _follows(count, known[-1]):
        return (count,)
    return (*(c for c in known if c.at_s >= count.at_s - keep_s), count)


def counted_load(
    pods: Iterable[Counted], since_s: float, fast_window_s: float, long_window_s: float
) -> CountedLoad | None:
    """What these pods counted together, of those that answered from `since_s` on: what one that
    hangs gets no more, the others do, and it would count twice. None where none was asked for as
    long as the fast window yet: the noise of less would be grown on."""
    answered = (pod for pod in pods if pod and pod[-1].at_s >= since_s)
    told = [pod for pod in answered if _fills(pod[0], pod[-1], fast_window_s)]
    if not told:
        return None
    fast, long = _rates(told, fast_window_s), _rates(told, long_window_s)
    executed = min(long.success - long.hits, long.items)
    return CountedLoad(
        long.executing,
        fast.executing,
        sum(pod[-1].counts.pending for pod in told),
        max(1.0, long.items / executed) if executed > 0.0 else 1.0,
    )


def _rates(pods: Iterable[Counted], window_s: float) -> _Rates:
    """Over all of the pods, each over the shortest time that fills the window, as far as it was
    asked for so long."""
    return _Rates(*map(sum, zip(*(_rates_of(pod, window_s) for pod in pods), strict=True)))


def _rates_of(pod: Counted, window_s: float) -> _Rates:
    last = pod[-1]
    first = next((c for c in reversed(pod) if _fills(c, last, window_s)), pod[0])
    seconds, before, after = last.at_s - first.at_s, first.counts, last.counts
    return _Rates(
        (after.success - before.success) / seconds,
        (after.failure - before.failure) / seconds,
        (after.hits - before.hits) / seconds,
        (after.items - before.items) / seconds,
        (after.pending - before.pending) / seconds,
    )


def _follows(count: Count, last: Count) -> bool:
    never_less = zip(count.counts[:-1], last.counts[:-1], strict=True)
    return count.at_s > last.at_s and all(now >= before for now, before in never_less)


def _fills(first: Count, last: Count, window_s: float) -> bool:
    return first.at_s < last.at_s and last.at_s - first.at_s >= window_s - _SLACK_S
