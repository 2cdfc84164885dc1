"""How many requests a second a Triton on one core answers while its p99 stays within a limit."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.variants import triton
from bench.variants.ask import closed_loop
from bench.variants.asked import Asked
from e2e.load.stats import percentile

CLIENTS = (1, 2, 4, 8, 16, 32)
LIMIT_CLIENTS = 8
"""The limit is the p99 that the baseline has with so many."""
SECONDS = 2.5
_WARM_S = 1.0


@dataclass(frozen=True, slots=True)
class Rung:
    """So many clients, each asking again once answered. `cpu_ms`: of the server, a request."""

    clients: int
    per_s: float
    p99_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Climb:
    """`right`: share of answers that name the right class; None where none is asked for."""

    rungs: tuple[Rung, ...]
    right: float | None

    def limit_ms(self) -> float:
        """The p99 that others must keep, where this is the baseline."""
        return next(rung.p99_ms for rung in self.rungs if rung.clients == LIMIT_CLIENTS)

    def best(self, limit_ms: float) -> Rung:
        """The rung of most answers a second within the limit; the lowest where none keeps it."""
        within = [rung for rung in self.rungs if rung.p99_ms <= limit_ms]
        return max(within, key=lambda rung: rung.per_s) if within else self.rungs[0]


def climb(
    root: Path, repository: Path, log: Path, asked: Asked, core: int, limit_ms: float | None
) -> Climb:
    """Serve that repository on one core and ask it by ever more clients, until the limit is passed.

    `limit_ms` None: the baseline, which is not asked by more than LIMIT_CLIENTS.
    """
    with triton.serving(root, repository, log, cores=[core]) as server:
        first = _ask(server, asked, clients=4, seconds=_WARM_S)
        rungs = []
        for clients in CLIENTS:
            rung = _rung(server, asked, clients)
            rungs.append(rung)
            last = clients >= LIMIT_CLIENTS if limit_ms is None else rung.p99_ms > 1.5 * limit_ms
            if last:
                break
    return Climb(tuple(rungs), _right(first, asked.right))


def _rung(server: triton.Server, asked: Asked, clients: int) -> Rung:
    before = server.cpu_s()
    answers, latencies_s, elapsed_s = _ask(server, asked, clients=clients, seconds=SECONDS)
    cpu_s = server.cpu_s() - before
    count = len(answers)
    p99_s = percentile(sorted(latencies_s), 99)
    return Rung(
        clients,
        round(count / elapsed_s, 1),
        round(1000 * (p99_s or 0.0), 2),
        round(1000 * cpu_s / count, 3),
    )


def _ask(
    server: triton.Server, asked: Asked, *, clients: int, seconds: float
) -> tuple[Sequence[str], Sequence[float], float]:
    done = asyncio.run(
        closed_loop(server.host, server.port, asked.requests, clients=clients, seconds=seconds)
    )
    return done.answers, done.latencies_s, done.elapsed_s


def _right(
    done: tuple[Sequence[str], Sequence[float], float], right: Sequence[str]
) -> float | None:
    if not right:
        return None
    pairs = list(zip(done[0], itertools.cycle(right), strict=False))
    return sum(said == wanted for said, wanted in pairs) / len(pairs)
