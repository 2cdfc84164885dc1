"""The stream of one model's requests: the same for every policy with the same seed."""

from __future__ import annotations

import numpy as np

from trimtab.simulate.state import Floats, Ints
from trimtab.simulate.trace import Trace, block_of

_TIMES, _ROUTES = 0, 1  # streams of their own, so that no policy moves the arrivals of another


class Arrivals:
    """A trace played from its start; `take` hands out what came since the last time."""

    def __init__(self, trace: Trace, seed: int, model: int) -> None:
        self._trace = trace
        self._seed = (seed, model, _TIMES)
        self._routes = np.random.default_rng((seed, model, _ROUTES))
        self._block = -1
        self._left: Floats = np.empty(0)

    def take(self, end_s: float) -> Floats:
        """The arrivals up to `end_s` that were not taken yet, ascending."""
        last = block_of(min(end_s, self._trace.duration_s))
        while self._block < last:
            self._block += 1
            block = self._trace.block(self._block, *self._seed)
            self._left = np.concatenate((self._left, block))
        cut = int(np.searchsorted(self._left, end_s))
        taken, self._left = self._left[:cut], self._left[cut:]
        return taken

    def route(self, count: int, rows: Ints, shares: Floats) -> Ints:
        """A row for each of so many requests: row i takes shares[i] of them.

        rows: shape (n,), -1 where a share goes to nobody. shares: shape (n,), summing up to 1.
        """
        draws = self._routes.random(count)
        if not len(rows):
            return np.full(count, -1)
        upto = np.cumsum(shares)
        upto[-1] = 1.0
        return rows[np.searchsorted(upto, draws, side="right")]
