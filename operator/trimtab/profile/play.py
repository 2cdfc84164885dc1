"""One load: requests at given times, open loop, and what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trimtab.profile.connections import Connections

# The event loop sleeps to the next whole millisecond: aimed at this much before, a request leaves
# as often early as late. What leaves early counts from when it left.
_EARLY_S = 0.0006
# A backlog that no drain ends in reasonable time, and as many open connections.
MOST_IN_FLIGHT = 2000


class Send(NamedTuple):
    """A request and when it leaves, in seconds from the start; `items` in its batch."""

    at_s: float
    request: bytes
    items: int = 1


class Answer(NamedTuple):
    """What became of a request. Seconds; `latency_s` and `lag_s` count from when it was due.

    `lag_s`: how late this client was. `error`: "" of a good answer.
    """

    at_s: float
    latency_s: float
    lag_s: float = 0.0
    error: str = ""
    items: int = 1

    @property
    def end_s(self) -> float:
        """When it was there, from the start."""
        return self.at_s + self.latency_s


class Played(NamedTuple):
    """`answers`: to every request that was sent. `is_cut`: the server fell so far behind that
    sending was ended."""

    answers: tuple[Answer, ...]
    is_cut: bool = False

    @property
    def errors(self) -> list[str]:
        """What was said of those that failed."""
        return [a.error for a in self.answers if a.error]

    @property
    def items(self) -> int:
        """Sent, whatever became of them."""
        return sum(a.items for a in self.answers)

    @property
    def items_given_up(self) -> int:
        """Without any answer: what the server will still do with them, nobody knows."""
        return sum(a.items for a in self.answers if a.error and not a.error.startswith("status"))

    @property
    def items_answered(self) -> int:
        """With a good answer."""
        return sum(a.items for a in self.answers if not a.error)


async def play(connections: Connections, sends: Sequence[Send], timeout_s: float) -> Played:
    """Sends all (ascending in time) and waits for the last answer, after the last sending for
    `timeout_s` at most: what has none by then is an error."""
    run = _Run(connections, sends)
    with _no_collection():
        await run.sent()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run.idle.wait(), timeout_s)
    if run.in_flight:
        connections.give_up("no answer in time")
        await asyncio.sleep(0)
    return Played(tuple(sorted(run.answers)), run.next < len(sends))


class _Run:
    def __init__(self, connections: Connections, sends: Sequence[Send]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connections = connections
        self._sends = sends
        self._start_s = self._loop.time()
        self._is_over = False
        self.next = 0
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.answers: list[Answer] = []

    async def sent(self) -> None:
        while self.next < len(self._sends) and self.in_flight < MOST_IN_FLIGHT:
            send = self._sends[self.next]
            early_s = send.at_s - self._now_s()
            # Also with nothing to wait for: answers must be seen between two sendings.
            await asyncio.sleep(max(0.0, early_s - _EARLY_S))
            self._send(send)
        self._is_over = True
        self._check_idle()

    def _send(self, send: Send) -> None:
        left_s = self._now_s()
        at_s = min(send.at_s, left_s)
        self.next += 1
        self.in_flight += 1

        def done(error: str) -> None:
            self.in_flight -= 1
            answer = Answer(at_s, self._now_s() - at_s, left_s - at_s, error, send.items)
            self.answers.append(answer)
            self._check_idle()

        self._connections.send(send.request, done)

    def _check_idle(self) -> None:
        if self._is_over and not self.in_flight:
            self.idle.set()

    def _now_s(self) -> float:
        return self._loop.time() - self._start_s


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A collection takes tens of milliseconds, which would be counted as the server's."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
