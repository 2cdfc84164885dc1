"""What stands between every write and the API server: a time until which writing is allowed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]

# Linux' CLOCK_MONOTONIC stands still while a machine sleeps, and others' clocks do not.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_s() -> float:
    """Seconds by a clock that nobody sets back and that no sleep of the machine stops."""
    return time.clock_gettime(_CLOCK)


class NotLeading(Exception):  # noqa: N818 - it names what happened
    """A write was not sent: the lease is not held, or its time has run out."""


class Fence:
    """Closed until it is opened, and closed again by time alone.

    By time alone: a process that was stopped (SIGSTOP, a frozen machine) and goes on after another
    has taken over learns of that only later, but its clock says at once that it is too late.
    """

    def __init__(self, clock: Clock = elapsed_s) -> None:
        self._clock = clock
        self._until_s = -math.inf
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self, until_s: float) -> None:
        """Lets writes through until that time of the clock."""
        self._until_s = until_s

    def close(self) -> None:
        """Lets none through from now on."""
        self._until_s = -math.inf

    def check(self) -> float:
        """The seconds that are left for a write; NotLeading where there are none."""
        left_s = self._until_s - self._clock()
        if left_s <= 0.0:
            raise NotLeading("not written: this operator does not hold the lease")
        return left_s

    @contextmanager
    def write(self) -> Iterator[float]:
        """Around one write; gives the seconds it may take. Raises NotLeading."""
        left_s = self.check()
        self._writing += 1
        self._idle.clear()
        try:
            yield left_s
        finally:
            self._writing -= 1
            if not self._writing:
                self._idle.set()

    async def idle(self) -> None:
        """Waits until no write is on its way; each ends within the seconds it was given."""
        await self._idle.wait()
