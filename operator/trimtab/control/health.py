"""What the kubelet asks: is it alive, and is it Ready?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_STUCK_AFTER_S = 120.0


class Election(Protocol):
    """What is asked of the elector. Times are epoch seconds.

    knows: it has read the Lease; turned_s: when it last looked at it; led_since_s: None while it
    stands by.
    """

    @property
    def knows(self) -> bool: ...

    @property
    def turned_s(self) -> float | None: ...

    @property
    def led_since_s(self) -> float | None: ...


class Decisions(Protocol):
    """What is asked of the loop."""

    @property
    def last_tick_s(self) -> float | None: ...


class Health:
    """Alive: the election goes on, and so do the decisions of one that leads. Ready: it has decided
    once, or knows that it is another's to decide. One that stands by is Ready, or a rollout would
    wait for ever: it cannot lead before the old leader is told to go."""

    def __init__(
        self,
        loop: Decisions,
        elector: Election,
        tick_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop
        self._elector = elector
        self._limit_s = max(_STUCK_AFTER_S, 10 * tick_s)
        self._clock = clock
        self._started_s = clock()

    def alive(self) -> str | None:
        """None, or since when what should go on does not."""
        turned_s, led_since_s = self._elector.turned_s, self._elector.led_since_s
        age_s = self._clock() - (turned_s or self._started_s)
        if age_s > self._limit_s:
            return f"no look at the Lease completed for {age_s:.0f} s"
        if led_since_s is None:
            return None
        age_s = self._clock() - max(led_since_s, self._loop.last_tick_s or 0.0)
        return f"no decision completed for {age_s:.0f} s" if age_s > self._limit_s else None

    def ready(self) -> str | None:
        """None, or why not yet."""
        if not self._elector.knows:
            return "the Lease was not read yet"
        decides = self._elector.led_since_s is not None
        return "no decision completed yet" if decides and not self._loop.last_tick_s else None
