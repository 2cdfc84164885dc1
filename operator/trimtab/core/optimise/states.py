"""Lists of partial plans, each with what it loses and uses, and how two lists become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.core.optimise.candidates import Ints
from trimtab.core.optimise.score import Floats


@dataclass(frozen=True, slots=True)
class States:
    """S partial plans. loss (S): above the bound; uses (K, S): of each limit that is counted; rows
    (m, S): the choices of its m models. dropped: no plan that was left out loses less."""

    loss: Floats
    uses: Ints
    rows: Ints
    dropped: float

    @property
    def least(self) -> float:
        """What every plan loses at least."""
        return min(float(self.loss.min(initial=np.inf)), self.dropped)

    def best_rows(self) -> Ints | None:
        """The choices of the plan that loses least; None where there is none."""
        return self.rows[:, int(np.argmin(self.loss))] if len(self.loss) else None

    def less(self, loss: float) -> States:
        """All losses counted from `loss` on."""
        return States(self.loss - loss, self.uses, self.rows, self.dropped - loss)

    def closed(self, prices: Floats, left: Ints, above: float) -> States:
        """The first limits are done with: what a plan leaves of them is lost too, at its price.

        What loses `above` or more goes; `above` itself is then the least of those."""
        done = len(prices)
        loss = self.loss + prices @ (left[:done, None] - self.uses[:done])
        keep = np.flatnonzero(loss < above)
        return States(
            loss[keep], self.uses[done:, keep], self.rows[:, keep], min(self.dropped, above)
        )


def combined(
    parts: Sequence[States], left: Ints, above: float, most: int, prices: Floats | None = None
) -> States:
    """One list of all parts' plans together that keep the limits `left` and lose less than `above`;
    at most so many states at a time, the least loss first.

    prices: of the first limit, where it is money that only the models of these parts use: then a
    plan that scores and costs no less than another, all else equal, goes.
    """
    order = sorted(range(len(parts)), key=lambda i: (len(parts[i].loss), i))
    limit = above * (1.0 - 1e-9)
    # Those whose choice is settled may take more than there is: then there is no plan at all.
    begin = int((left >= 0).all())
    uses = np.zeros((len(left), begin), dtype=np.int64)
    now = States(np.zeros(begin), uses, _no_rows(begin), np.inf)
    for i in order:
        now = _joined(now, parts[i], left, limit, most, prices)
    return now


def _no_rows(count: int) -> Ints:
    return np.zeros((0, count), dtype=np.int64)


def _joined(
    one: States, other: States, left: Ints, limit: float, most: int, prices: Floats | None
) -> States:
    # The lists are sorted by loss where they are long, so no more pairs are made than are kept.
    total = one.loss[:, None] + other.loss[None, :]
    first, second = np.nonzero(total < limit)
    uses = one.uses[:, first] + other.uses[:, second]
    fits = (uses <= left[:, None]).all(axis=0)
    first, second, uses = first[fits], second[fits], uses[:, fits]
    loss = total[first, second]
    keep = _undominated(loss, uses, prices)
    dropped = min(one.dropped, other.dropped)
    if len(keep) > most:
        keep = keep[np.argsort(loss[keep], kind="stable")]
        dropped = min(dropped, float(loss[keep[most]]))
        keep = keep[:most]
    rows = np.vstack([one.rows[:, first[keep]], other.rows[:, second[keep]]])
    return States(loss[keep], uses[:, keep], rows, dropped)


def _undominated(loss: Floats, uses: Ints, prices: Floats | None) -> Ints:
    """States that none beside them beats: of equal use the least loss, and of money's only limit
    what costs more and scores worse goes too."""
    if len(loss) < 2:
        return np.arange(len(loss))
    if prices is None:
        order = np.lexsort((loss, *uses))
        same = (uses[:, order[1:]] == uses[:, order[:-1]]).all(axis=0)
        keep = np.append(True, ~same)
        return np.asarray(order[keep], dtype=np.int64)
    score = loss - prices[0] * uses[0]
    order = np.lexsort((score, uses[0], *uses[1:]))
    score = score[order]
    if len(uses) == 1:
        keep = np.append(True, score[1:] < np.minimum.accumulate(score)[:-1])
    else:
        same = (uses[1:, order[1:]] == uses[1:, order[:-1]]).all(axis=0)
        keep = np.append(True, ~same | (score[1:] < score[:-1]))
    return np.asarray(order[keep], dtype=np.int64)
