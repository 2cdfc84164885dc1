"""Sends requests at their scheduled times, whatever became of those before them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from e2e.load.exchange import Exchange
from e2e.load.payload import Call
from e2e.load.stats import Result, Second, Tally

# An arrival due within this is sent now: sleeping for less costs more than it gains.
_EARLY_S = 0.0002


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go, resolved once: a look-up per request would measure the resolver."""

    family: int
    address: tuple[str, int]

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """`http://HOST:PORT`, nothing else."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{url!r} is not of the form http://HOST:PORT")
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return cls(family, (str(address[0]), int(address[1])))


@dataclass(frozen=True, slots=True)
class Limits:
    """When to give a request up. Both times count from the moment it was really sent.

    `connect_retries`: how often a refused connection is tried again.
    """

    connect_s: float = 2.0
    total_s: float = 10.0
    connect_retries: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.connect_s < self.total_s:
            raise ValueError("the connect timeout must be positive and below the total timeout")


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run. `started_at_s` is the epoch time of second 0; `cpu_s` what sending cost."""

    started_at_s: float
    elapsed_s: float
    cpu_s: float
    results: tuple[Result, ...]


class _Run:
    """The state of one run."""

    def __init__(
        self,
        arrivals: Sequence[float],
        endpoint: Endpoint,
        calls: Sequence[Call],
        limits: Limits,
        on_second: Callable[[Second], None] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrivals = arrivals
        self._next = 0
        self._endpoint = endpoint
        self._calls = itertools.cycle(calls)
        self._limits = limits
        self._on_second = on_second
        self._tally = Tally()
        self._flying: set[Exchange] = set()
        self._idle = asyncio.Event()
        self._stopped = False
        self.started_at_s, self._start = time.time(), self._loop.time()
        self.results: list[Result] = []

    async def play(self, stop: asyncio.Event | None) -> None:
        ticking = asyncio.create_task(self._tick())
        stopping = asyncio.create_task(self._obey(stop)) if stop else None
        self._fire()
        try:
            await self._idle.wait()
        finally:
            for task in filter(None, (ticking, stopping)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._stopped = True
            for exchange in tuple(self._flying):
                exchange.abort("abandoned")
            self._close_second()

    def _fire(self) -> None:
        """Send all that is due, then wait for the next arrival, and for nothing else."""
        now = self._loop.time() - self._start
        while not self._stopped and self._next < len(self._arrivals):
            due = self._arrivals[self._next]
            if due > now + _EARLY_S:
                self._loop.call_at(self._start + due, self._fire)
                return
            self._next += 1
            self._send(due, max(now - due, 0.0))
            now = self._loop.time() - self._start
        self._check_idle()

    def _send(self, due: float, lag: float) -> None:
        exchange = Exchange(self._loop, next(self._calls), self._done, scheduled_s=due, lag_s=lag)
        self._flying.add(exchange)
        self._tally.sent()
        exchange.start(
            self._endpoint.family,
            self._endpoint.address,
            self._limits.connect_s,
            self._limits.total_s,
            self._limits.connect_retries,
        )

    def _done(self, exchange: Exchange, status: int, error: str, correct: bool | None) -> None:
        self._flying.remove(exchange)
        latency = max(self._loop.time() - self._start - exchange.scheduled_s, 0.0)
        result = Result(
            exchange.scheduled_s,
            latency,
            exchange.lag_s,
            status,
            error,
            correct,
            exchange.retries,
        )
        self.results.append(result)
        self._tally.finished(result)
        self._check_idle()

    def _check_idle(self) -> None:
        if not self._flying and (self._stopped or self._next >= len(self._arrivals)):
            self._idle.set()

    async def _tick(self) -> None:
        for second in itertools.count(1):
            await asyncio.sleep(self._start + second - self._loop.time())
            self._close_second()

    def _close_second(self) -> None:
        second = self._tally.close_second()
        if self._on_second is not None:
            self._on_second(second)

    async def _obey(self, stop: asyncio.Event) -> None:
        """Send nothing more; what is in flight may finish."""
        await stop.wait()
        self._stopped = True
        self._check_idle()


async def run(
    arrivals: Sequence[float],
    endpoint: Endpoint,
    calls: Sequence[Call],
    *,
    limits: Limits | None = None,
    on_second: Callable[[Second], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Report:
    """Send every call at its time (seconds from now, ascending) and wait for the last answer.

    `on_second` is called at the end of every second, within the event loop: it must be quick.
    `stop`, once set, ends the sending early.
    """
    _raise_file_limit()
    begun, cpu = time.monotonic(), time.process_time()
    state = _Run(arrivals, endpoint, calls, limits or Limits(), on_second)
    await state.play(stop)
    return Report(
        state.started_at_s,
        time.monotonic() - begun,
        time.process_time() - cpu,
        tuple(sorted(state.results, key=lambda result: result.scheduled_s)),
    )


def _raise_file_limit() -> None:
    """A stalled server at 300 requests/s holds 3000 sockets open; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
