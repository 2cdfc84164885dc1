"""The queries that peers' rules ask, of what was scraped."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.api.resources import ObjectKey
from trimtab.simulate.bins import quantile_s
from trimtab.simulate.scrapes import ANSWERED, ARRIVED, OPEN_S, WAITED_S, Scrapes


class ScrapedMetrics:
    """`Metrics` of a run. A window reaches back no further than RunSettings.history_s."""

    def __init__(self, scrapes: Mapping[ObjectKey, Scrapes]) -> None:
        self._scrapes = scrapes

    def rate(self, model: ObjectKey, window_s: float) -> float | None:
        """Requests per second that arrived, dropped ones too, as a proxy before the pods counts."""
        found = self._scrapes[model].totals_over(window_s)
        return None if found is None else float(found[1][ARRIVED]) / found[0]

    def concurrency(self, model: ObjectKey, window_s: float) -> float | None:
        """Mean requests in the pods, waiting or running."""
        found = self._scrapes[model].totals_over(window_s)
        return None if found is None else float(found[1][OPEN_S]) / found[0]

    def queue_time_s(self, model: ObjectKey, window_s: float) -> float | None:
        """Mean seconds that an answered request waited in Triton's queue."""
        found = self._scrapes[model].totals_over(window_s)
        if found is None or found[1][ANSWERED] <= 0:
            return None
        return float(found[1][WAITED_S] / found[1][ANSWERED])

    def latency_s(self, model: ObjectKey, percentile: float, window_s: float) -> float | None:
        """That percentile (0 to 100) of the answered requests, as clients saw them."""
        return quantile_s(self._scrapes[model].client_bins(window_s), percentile / 100.0)
