"""How many requests wait whenever a batch ends: the queue's embedded Markov chain, solved exactly.

One server takes what waits, up to the cap, runs it, and meanwhile a random number arrives. Where
the queue is empty at the end of a batch, the next cluster of arrivals is taken at once. Far out
the number is geometric, so the chain is cut not far beyond the cap and the rest summed in closed
form (bulk queues: Bailey 1954; the cut: Tijms, A First Course in Stochastic Models, 9.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from trimtab.core.latency.arrivals import (
    Floats,
    cluster_mean,
    cluster_shares,
    count_shares,
    tail_root,
)

_BEYOND = 28  # states kept beyond the cap before the geometric tail begins
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Stationary:
    """Shares of time. idle: nothing to do. busy[n]: in a batch that began while n waited (n >= 1,
    so busy[0] is 0); they sum to 1."""

    idle: float
    busy: Floats


def stationary(rate: float, service: Floats, dispersion: float) -> Stationary:
    """The shares of time at `rate`, with service[b] the time of a batch of b (service[0] unused).

    The cap is len(service) - 1. `rate` (> 0) must be below cap / service[cap].
    """
    cap = len(service) - 1
    last = cap + _BEYOND
    moves = _moves(rate, service, dispersion, last)
    decay = 1.0 / tail_root(rate * service[cap], cap, dispersion)
    waiting = _solve(moves, decay, cap, last, rate * service[cap], dispersion)
    taken = waiting + waiting[0] * _padded(cluster_shares(dispersion, last + 1), waiting.size)
    taken[0] = 0.0
    sizes = np.minimum(np.arange(taken.size), cap)
    busy_time = taken * service[sizes]
    idle_time = waiting[0] * cluster_mean(dispersion) / rate
    whole = idle_time + busy_time.sum()
    return Stationary(float(idle_time / whole), busy_time / whole)


def _moves(rate: float, service: Floats, dispersion: float, last: int) -> Floats:
    """P(from n to n') for n, n' = 0 to last: shape (last + 1, last + 1)."""
    cap = len(service) - 1
    size = last + 1
    counts = count_shares(rate * service[1:], dispersion, size)
    moves = np.zeros((size, size))
    moves[1 : cap + 1] = counts
    shifts = np.concatenate([np.zeros(size), counts[-1]])
    # Row i of all windows begins i places further left: n - cap requests were left behind.
    moves[cap:] = sliding_window_view(shifts, size)[::-1][: size - cap]
    moves[0] = cluster_shares(dispersion, size) @ moves
    return moves


def _solve(
    moves: Floats, decay: float, cap: int, last: int, mean: float, dispersion: float
) -> Floats:
    """The stationary numbers waiting, the geometric tail written out."""
    size = last + 1
    matrix = moves.T - np.eye(size)
    # What flows back from beyond the cut, as a share of what is at the cut.
    counts = count_shares(np.array([mean]), dispersion, size)[0]
    back = np.convolve(decay ** np.arange(1.0, cap + 1.0), counts)[:cap]
    matrix[size - cap :, -1] += back
    matrix[-1] = 1.0
    matrix[-1, -1] = 1.0 / (1.0 - decay)
    target = np.zeros(size)
    target[-1] = 1.0
    waiting = np.maximum(np.linalg.solve(matrix, target), 0.0)
    more = math.ceil(math.log(_NEGLIGIBLE) / math.log(decay)) if decay > 1e-9 else 0
    tail = waiting[-1] * decay ** np.arange(1.0, more + 1.0)
    return np.concatenate([waiting, tail])


def _padded(shares: Floats, size: int) -> Floats:
    return np.pad(shares, (0, size - shares.size))
