"""The most requests a server answers: a load that rises until a good part is left unanswered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.profile.arrivals import poisson
from trimtab.profile.errors import ProfileError
from trimtab.profile.interval import quantile
from trimtab.profile.live import Due
from trimtab.profile.play import Answer
from trimtab.profile.watch import TIMEOUT_S, Watch

_FIRST_SHARE = 0.3  # of what one request after the other allows
_RISE = 1.5
_MOST_STEPS = 24
_SATURATED = 0.85
_WARM = 0.25  # of a step: its queue is filling
_FULL_BATCHES = 12.0  # answers come a batch at a time: fewer would be counted coarsely


@dataclass(frozen=True, slots=True)
class Capacity:
    """`rate`: answered at most (requests/s), while `offered` were sent.

    `is_reached`: more was sent than answered; else the client could send no more.
    """

    rate: float
    offered: float
    is_reached: bool


async def measure_capacity(
    watch: Watch,
    single_s: float,
    full_s: float,
    seconds: float,
    step: Callable[[int], None] = lambda _: None,
) -> Capacity:
    """Poisson loads, each half higher than the last, of `seconds` each.

    `single_s`, `full_s`: an execution of one request, and of as many as are executed together.
    """
    rng = np.random.default_rng(2)
    length_s = max(seconds, _FULL_BATCHES * full_s)
    timeout_s = max(TIMEOUT_S, 2.0 * length_s)
    rate, best = _FIRST_SHARE / single_s, Capacity(0.0, 0.0, is_reached=False)
    for _ in range(_MOST_STEPS):
        due = [Due(at_s) for at_s in poisson(rate, length_s, rng)]
        played = (await watch.play(due, timeout_s)).played
        step(1)
        answers = played.answers
        ends = sorted(a.end_s for a in answers if not a.error)
        last_s = answers[-1].at_s if answers and played.is_cut else length_s
        answered = _rate(ends, _WARM * last_s, last_s)
        offered = _rate([a.at_s for a in answers], _WARM * last_s, last_s)
        is_full = answered < _SATURATED * offered or played.is_cut
        if answered >= best.rate or is_full:
            best = Capacity(max(answered, best.rate), offered, is_reached=is_full)
        if is_full or _is_late(answers, single_s):
            break
        rate *= _RISE
    if not best.rate:
        raise ProfileError(
            "no request was answered in time under load: "
            f"{next((a.error for a in answers if a.error), 'is the server overloaded already?')}"
        )
    return best


def _rate(times: Sequence[float], start_s: float, end_s: float) -> float:
    return sum(start_s <= time < end_s for time in times) / max(end_s - start_s, 1e-9)


def _is_late(answers: Sequence[Answer], single_s: float) -> bool:
    """Whether the client is at its end, and would tell of itself."""
    lags = [a.lag_s for a in answers]
    return bool(lags) and quantile(lags, 0.5).value > max(0.02, 5.0 * single_s)
