"""How much load to plan for, from rates that are measured, and what to do when they are not."""

from __future__ import annotations

import math
from typing import NamedTuple

from trimtab.core.forecast import forecast, record
from trimtab.core.forecast.history import History
from trimtab.core.forecast.onsets import noise
from trimtab.core.hold import hold_s, ready_after_s
from trimtab.core.memory import ModelMemory
from trimtab.core.queue_timeout import late_go_last
from trimtab.core.settings import PolicySettings
from trimtab.core.signals import is_blind, value_or_none
from trimtab.core.snapshot import ModelState

_JUMP = 3.0  # standard deviations of the short window
_LARGE = 0.25  # of the level: so much more is no noise of any service
# Times to Ready that a switch takes where what serves has nearly all of the room: a first pod
# comes into what is left, and others into what the first ones relieve.
_SWITCH_LEADS = 3.0
_FARTHEST = 3.0  # times what arrives: no line of two minutes says more


class Demand(NamedTuple):
    """rate: items per second to plan for, None where nothing is known. A request is one item for
    most clients; one that brings a batch of its own counts as many, as it does for Triton's cap.
    What a response cache answers is none of it, as far as response_cache.py counts on that.

    measured: the part of it that was measured; arriving: the same without the backlog, which alone
    is remembered. backlog: items that wait beyond what is in time. reason: what asks for more than
    the level, as the forecast says. foreseen: what arrives by the end of a switch begun now, if the
    trend goes on. blind: True where the fleet must not shrink on what was read.
    """

    rate: float | None
    blind: bool
    measured: float | None = None
    arriving: float | None = None
    backlog: float = 0.0
    reason: str = "Level"
    foreseen: float | None = None


def estimate_demand(state: ModelState, memory: ModelMemory, policy: PolicySettings) -> Demand:
    """The measured rate with the error of its mean, and the backlog worked off in a bounded time.

    The long window tells the level; its standard error is sqrt(rate/window), that of a Poisson
    count. The short window counts where it is so far above that noise cannot be why: taken always,
    the largest of its noise would be planned for, and at 50 requests/s that is a fifth too much.
    """
    readings = state.readings
    level, fast = readings.executing_rate, readings.executing_rate_fast
    if level is None and fast is None:
        return _counted(state, memory, policy)
    # A dead long window with a live short one is a gap in the scrapes: enough to grow on.
    blind = is_blind(readings.arrival_rate)
    pending = value_or_none(readings.pending) or 0.0
    return _demand(state, memory, policy, level, fast, pending, readings.items, blind=blind)


def _counted(state: ModelState, memory: ModelMemory, policy: PolicySettings) -> Demand:
    """What the pods themselves counted, where it is clearly more than the load before: it is so
    much at least, and of a pod that hangs it is nothing. Told though it is less, a plan spoke of
    half of the load; grown on by the noise of some seconds, the fleet would stay so large."""
    counted, blind = state.readings.counted, Demand(None, blind=True)
    if counted is None:
        return blind
    told = _demand(state, memory, policy, *counted, blind=True)
    if not memory.demand:
        return told
    last_s, _ = memory.demand[-1]
    before = peak_demand(memory, last_s, hold_s(state.spec, memory)) or 0.0
    clear = before + counted.items * noise(before / counted.items, policy.fast_window_s, _JUMP)
    return told if (told.measured or 0.0) > clear else blind


def _demand(
    state: ModelState,
    memory: ModelMemory,
    policy: PolicySettings,
    level: float | None,
    fast: float | None,
    pending: float,
    items: float,
    *,
    blind: bool,
) -> Demand:
    late_last = late_go_last(state.spec)
    if level is None:
        rate = fast or 0.0
    else:
        rate = level + policy.rate_confidence * math.sqrt(level / policy.long_window_s)
        excess = noise(level, policy.fast_window_s, _JUMP)
        if late_last:
            # What a moment has too much makes no more late than that: only a jump counts that the
            # service does not make by itself. A burst of the last minutes is not what it makes: as
            # if it were, the next one was seen only once it had filled the long window.
            own = _JUMP * memory.history.before.deviation / items
            excess = max(excess, min(own, _LARGE * level))
        if fast is not None and fast - level > excess:
            rate = max(rate, fast)
    # Little's law: more in flight than rate * target means requests are already too late.
    backlog = max(0.0, pending - max(1.0, rate * state.spec.slo.target_s))
    drain_s = policy.late_drain_s if late_last else policy.backlog_drain_s
    measured = items * (rate + backlog / drain_s)
    return Demand(measured, blind, measured, items * rate, items * backlog)


def foresee(
    demand: Demand,
    memory: ModelMemory,
    state: ModelState,
    now_s: float,
    policy: PolicySettings,
) -> tuple[Demand, History]:
    """The demand raised to what may come before help does, and the history with today's rate."""
    readings, history = state.readings, memory.history
    fast, late_last = readings.executing_rate_fast, late_go_last(state.spec)
    window_s = policy.fast_window_s
    lead_s = ready_after_s(memory) + window_s
    if fast is not None:
        rate, held_s = readings.items * fast, hold_s(state.spec, memory)
        history = record(
            history, now_s, rate, window_s, lead_s, held_s, demand.backlog, late_last=late_last
        )
    if demand.measured is None or demand.blind:
        return demand, history
    percentile = state.spec.slo.percentile / 100.0
    arriving, measured = demand.arriving or 0.0, demand.measured
    ahead = forecast(history, arriving, now_s, lead_s, percentile, policy, late_last=late_last)
    # A jump is measured, if in halves: forgotten a tick later, the pods it called for went before
    # they were Ready, in the middle of the burst.
    if ahead.reason == "Rise":
        arriving, measured = ahead.rate, max(measured, ahead.rate)
    rate, reason = max((measured, "Level"), (ahead.rate, ahead.reason))
    later = arriving + ahead.trend(_SWITCH_LEADS * lead_s)
    demand = demand._replace(
        rate=rate,
        measured=measured,
        arriving=arriving,
        reason=reason,
        foreseen=min(later, _FARTHEST * arriving),
    )
    return demand, history


def remember_demand(
    memory: ModelMemory, demand: Demand, history: History, now_s: float, keep_s: float
) -> ModelMemory:
    """The memory with this demand added, and the history that has its rate; blind times break the
    record that shrinking needs.

    Without the backlog: once it is worked off it does not come back.
    """
    blind_s = memory.blind_since_s if memory.blind_since_s is not None else now_s
    seeing_s = memory.seeing_since_s if memory.seeing_since_s is not None else now_s
    return memory._replace(
        history=history,
        demand=_with(memory.demand, demand.arriving, now_s, keep_s),
        foreseen=_with(memory.foreseen, demand.foreseen, now_s, keep_s),
        blind_since_s=blind_s if demand.blind else None,
        seeing_since_s=None if demand.blind else seeing_s,
    )


def _with(
    kept: tuple[tuple[float, float], ...], rate: float | None, now_s: float, keep_s: float
) -> tuple[tuple[float, float], ...]:
    """The staircase with one more rate."""
    if rate is None:
        return kept
    # Only what no later entry reaches can ever be a maximum again.
    larger = [(t, r) for t, r in kept if t > now_s - keep_s and r > rate]
    return (*larger, (now_s, rate))


def peak_demand(memory: ModelMemory, now_s: float, window_s: float) -> float | None:
    """The largest demand of the last `window_s` seconds; None where none was recorded."""
    return _peak(memory.demand, now_s - window_s)


def safe_demand(memory: ModelMemory, now_s: float, policy: PolicySettings) -> float | None:
    """The largest demand remembered of the time before the blindness, once that lasts; None until
    then, and where readings are there."""
    since_s = memory.blind_since_s
    if since_s is None or now_s - since_s < policy.blind_grow_after_s:
        return None
    return peak_demand(memory, since_s, policy.safe_window_s)


def peak_foreseen(memory: ModelMemory, now_s: float, window_s: float) -> float | None:
    """The largest rate that was foreseen in the last `window_s` seconds; None where none was."""
    return _peak(memory.foreseen, now_s - window_s)


def _peak(kept: tuple[tuple[float, float], ...], since_s: float) -> float | None:
    return next((r for t, r in kept if t >= since_s), None)


def seen_for(memory: ModelMemory, now_s: float, window_s: float, policy: PolicySettings) -> bool:
    """True where readings came without a gap for long enough; see `seen_at_s`."""
    return seen_at_s(memory, now_s, window_s, policy) <= now_s


def seen_at_s(memory: ModelMemory, now_s: float, window_s: float, policy: PolicySettings) -> float:
    """When readings will have come without a gap for `window_s` seconds, and for twice the fast
    window.

    A rate is a mean over its window, and of pods that are just back both windows are mostly empty:
    with 0 s of stabilisation a fleet that a lost node brought back shrank at its first reading.
    Once the fast one is full, what the long one has too little is seen there.
    """
    since_s = now_s if memory.seeing_since_s is None else memory.seeing_since_s
    return since_s + max(window_s, 2.0 * policy.fast_window_s)


def last_time_above(memory: ModelMemory, rate: float) -> float | None:
    """When the demand was last above `rate`; None where it never was."""
    return max((t for t, r in memory.demand if r > rate), default=None)
