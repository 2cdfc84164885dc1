"""What Prometheus has of one model's pods: samples every so often, and nothing in between."""

from __future__ import annotations

import numpy as np

from trimtab.simulate import windows
from trimtab.simulate.bins import COARSE
from trimtab.simulate.player import Player
from trimtab.simulate.state import COUNTERS, PENDING, QUEUE_S, REQUEST_S, SUCCESS, Floats, Ints

SUMMARY_S = 60.0  # the window of Triton's own latency summary

# Columns of the totals of a model.
ARRIVED, ANSWERED, WAITED_S, OPEN_S = range(4)


class Scrapes:
    """Samples of one model, `first[row]` being the first of the pod that now has the row.

    Times are seconds of the run. `quantiles`: (R,) Triton's summary at the newest scrape, seconds,
    NaN where a pod answered nothing within SUMMARY_S.
    """

    def __init__(self, player: Player, scrape_s: float, history_s: float, quantile: float) -> None:
        self._player = player
        self._quantile = quantile
        self._keep = int(history_s / scrape_s) + 2
        self._spans = max(1, round(SUMMARY_S / scrape_s))
        rows = len(player.pods.kind)
        self._count = 0
        self._times: Floats = np.zeros(2 * self._keep)
        self._samples: Floats = np.zeros((2 * self._keep, rows, COUNTERS))
        self._totals: Floats = np.zeros((2 * self._keep, 4))
        self._clients: Ints = np.zeros((2 * self._keep, COARSE), np.int64)
        self._spanned: Ints = np.zeros((self._spans, rows, COARSE), np.int64)
        self._span = 0
        self._summary: Ints = np.zeros((rows, COARSE), np.int64)
        self.first: Ints = np.zeros(rows, np.int64)
        self.quantiles: Floats = np.full(rows, np.nan)

    def pod_ready(self, row: int) -> None:
        """A pod took that row; what is there of another is not its own."""
        self._fit()
        self.first[row] = self._count
        self._spanned[:, row] = 0
        self._summary[row] = 0
        self.quantiles[row] = np.nan

    def scrape(self, now_s: float, used: Ints, *, blind: bool) -> None:
        """Samples every used row. While blind nothing is kept, yet Triton's summaries move on."""
        self._fit()
        fresh = self._player.counts.summary
        windows.slide(self._summary, self._spanned[self._span], fresh, used)
        self._span = (self._span + 1) % self._spans
        if blind:
            return
        if self._count == 2 * self._keep:
            self._shift()
        at = self._count
        player = self._player
        totals = player.totals()
        self._times[at] = now_s
        self._samples[at] = player.counts.counters
        self._totals[at] = player.arrived, totals[SUCCESS], totals[QUEUE_S], totals[REQUEST_S]
        self._clients[at] = player.counts.clients
        player.counts.clients[:] = 0
        self.quantiles = windows.row_quantiles(self._summary, used, self._quantile)
        self._count += 1

    @property
    def newest_s(self) -> float | None:
        """When the newest sample was taken; None before the first."""
        return float(self._times[self._count - 1]) if self._count else None

    def sampled(self, used: Ints) -> Ints:
        """How many samples each of those rows has, shape (U,)."""
        counts: Ints = self._count - self.first[used]
        return counts

    def rates(self, used: Ints, now_s: float, window_s: float) -> Floats:
        """See `windows.rates`."""
        upto = self._count
        return windows.rates(
            self._times[:upto], self._samples[:upto], self.first, used, now_s, window_s
        )

    def pending(self, used: Ints) -> Floats:
        """Requests in each row's queue at the newest sample, shape (U,)."""
        pending: Floats = self._samples[self._count - 1, used, PENDING]
        return pending

    def growth(self, used: Ints, now_s: float, window_s: float) -> Floats:
        """Of the queues, requests per second; see `windows.slopes`."""
        upto = self._count
        return windows.slopes(
            self._times[:upto], self._samples[:upto], self.first, used, PENDING, now_s - window_s
        )

    def totals_over(self, window_s: float) -> tuple[float, Floats] | None:
        """Seconds between the newest sample and the oldest in the window that ends with it, and how
        much the totals grew; None where it holds fewer than two."""
        start, last = self._window(window_s), self._count - 1
        if last - start < 1:
            return None
        grown: Floats = self._totals[last] - self._totals[start]
        return float(self._times[last] - self._times[start]), grown

    def client_bins(self, window_s: float) -> Ints:
        """The latencies that clients saw within the window, shape (COARSE,)."""
        bins: Ints = self._clients[self._window(window_s) + 1 : self._count].sum(axis=0)
        return bins

    def _window(self, window_s: float) -> int:
        if not self._count:
            return 0
        start_s = self._times[self._count - 1] - window_s
        return int(np.searchsorted(self._times[: self._count], start_s - 1e-9))

    def _shift(self) -> None:
        """Forgets the older half."""
        for kept in (self._times, self._samples, self._totals, self._clients):
            kept[: self._keep] = kept[self._keep :]
        self.first -= self._keep
        np.maximum(self.first, 0, out=self.first)
        self._count = self._keep

    def _fit(self) -> None:
        """As many rows as the player has."""
        rows, had = len(self._player.pods.kind), len(self.first)
        if rows == had:
            return
        samples = np.zeros((2 * self._keep, rows, COUNTERS))
        samples[:, :had] = self._samples
        spanned = np.zeros((self._spans, rows, COARSE), np.int64)
        spanned[:, :had] = self._spanned
        self._samples, self._spanned = samples, spanned
        self._summary = np.concatenate((self._summary, np.zeros((rows - had, COARSE), np.int64)))
        self.first = np.concatenate((self.first, np.zeros(rows - had, np.int64)))
        self.quantiles = np.concatenate((self.quantiles, np.full(rows - had, np.nan)))
