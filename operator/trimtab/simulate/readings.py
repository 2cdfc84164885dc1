"""The operator's readings of one model, from scrapes: what each means is as in its Prometheus
queries, down to the pods that count and the reasons for what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trimtab.api.resources import LatencySourceType, ModelDeployment
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import Backlog, ModelReadings, WorkloadKey, WorkloadReadings
from trimtab.simulate.bins import quantile_s
from trimtab.simulate.scrapes import SUMMARY_S, Scrapes
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.state import COMPUTE_S, EXECUTIONS, FAILURE, QUEUE_S, SUCCESS, Floats, Ints

_NO_PODS = Missing("NoReadyPods", "No pod of the model is ready, so none is measured.")
_DOWN = Missing("PrometheusUnreachable", "Prometheus is down in this part of the run.")
_WARMING = Missing("Warming", "Pods became ready a moment ago and were not scraped twice yet.")
_TOO_SHORT = Missing("WindowTooShort", "Pods have fewer than two samples in the window.")
_BY_MODEL = Missing(
    "EstimatedByModel", "Triton's counters give means only; the percentile is computed from them."
)
_EXPORTED = (0.5, 0.9, 0.95, 0.99, 0.999)  # the quantiles of Triton's summary unless configured
_STALE_SCRAPES = 2.5


def summary_quantile(percentile: float) -> float:
    """Triton's quantile that stands for the percentile: the smallest at or above, else the last."""
    return min((q for q in _EXPORTED if q >= percentile / 100 - 1e-9), default=_EXPORTED[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a model's pods that are or were Ready, workload by workload.

    rows: (U,). ready_s: (U,) since when each is Ready, infinity where it leaves: nothing is
    required of such a pod. parts: where each workload's rows lie.
    """

    rows: Ints
    ready_s: Floats
    parts: Mapping[WorkloadKey, slice]


class Reader:
    """Reads one model."""

    def __init__(self, spec: ModelDeployment, scrapes: Scrapes, settings: RunSettings) -> None:
        self._spec = spec
        self._scrapes = scrapes
        self._settings = settings

    def read(self, rows: Rows, now_s: float) -> ModelReadings:
        """The readings at that second of the run."""
        why = self._blind(rows, now_s)
        if why is not None:
            return ModelReadings(
                *(why,) * 5,
                latency_s=why,
                workloads=tuple(WorkloadReadings(key, *(why,) * 6) for key in rows.parts),
            )
        sums = Sums(self._scrapes, self._settings, rows, now_s)
        latency, source, estimated = self._latency(sums, of_all=True)
        return ModelReadings(
            arrival_rate=sums.arrivals(fast=False),
            arrival_rate_fast=sums.arrivals(fast=True),
            pending=Known(sums.pending, sums.at_s),
            failure_rate=sums.rate(FAILURE),
            items_per_request=sums.ratio(SUCCESS, SUCCESS),
            latency_s=latency,
            latency_source=source,
            latency_estimated=estimated,
            workloads=tuple(
                # One workload alone has all the rows.
                self._workload(key, sums if len(rows.parts) == 1 else None, rows, now_s)
                for key in rows.parts
            ),
        )

    def _blind(self, rows: Rows, now_s: float) -> Missing | Stale | None:
        if not np.isfinite(rows.ready_s).any():
            return _NO_PODS
        if self._settings.is_blind(now_s):
            return _DOWN
        newest_s = self._scrapes.newest_s
        if newest_s is None or not (self._scrapes.sampled(rows.rows) > 0).any():
            return _WARMING
        age_s = now_s - newest_s
        return Stale(age_s) if age_s > _STALE_SCRAPES * self._settings.scrape_s else None

    def _workload(
        self, key: WorkloadKey, sums: Sums | None, rows: Rows, now_s: float
    ) -> WorkloadReadings:
        if sums is None:
            part = rows.parts[key]
            own = Rows(rows.rows[part], rows.ready_s[part], {})
            why = self._blind(own, now_s)
            if why is not None:
                return WorkloadReadings(key, *(why,) * 6)
            sums = Sums(self._scrapes, self._settings, own, now_s)
        return WorkloadReadings(
            key,
            rate=sums.rate(SUCCESS),
            batch_rate=sums.rate(EXECUTIONS),
            service_time_s=sums.ratio(COMPUTE_S, SUCCESS),
            batch_size=sums.ratio(SUCCESS, EXECUTIONS),
            queue_time_s=sums.ratio(QUEUE_S, SUCCESS),
            latency_s=self._latency(sums, of_all=False)[0],
            backlogs=sums.backlogs(),
        )

    def _latency(self, sums: Sums, *, of_all: bool) -> tuple[Reading, str, bool]:
        """The SLO's percentile, where it comes from, and whether it is an estimate."""
        percentile, kind = self._spec.slo.percentile, self._spec.latency_source.type
        if kind is LatencySourceType.TRITON_COUNTERS:
            return sums.confirmed(_BY_MODEL), "TritonCounters", True
        if kind in (LatencySourceType.PROM_QL, LatencySourceType.GATEWAY_HISTOGRAM) and of_all:
            # What clients see, wherever the requests were answered.
            bins = self._scrapes.client_bins(SUMMARY_S)
            seconds = quantile_s(bins, percentile / 100.0)
            reading = NoTraffic(sums.at_s) if seconds is None else Known(seconds, sums.at_s)
            return reading, kind.value, False
        slowest = sums.slowest_s()
        summary = _WARMING if slowest is None else Known(slowest, sums.at_s)
        low = summary_quantile(percentile) * 100 < percentile - 1e-9
        return sums.confirmed(summary), "TritonSummary", low


class Sums:
    """The counters' rates summed over some rows, or why that cannot be said.

    A sum is not of whatever is there: of two old pods one without samples would halve it. at_s:
    when the newest sample was taken. pending: requests that waited then.
    """

    def __init__(self, scrapes: Scrapes, settings: RunSettings, rows: Rows, now_s: float) -> None:
        decision = settings.decision
        self._scrapes = scrapes
        self._rows = rows
        self._now_s = now_s
        self._required = now_s - rows.ready_s >= 2 * decision.long_window_s
        self._windows_s = (decision.long_window_s, decision.fast_window_s)
        self._each = scrapes.rates(rows.rows, now_s, decision.long_window_s)
        self._slow = self._sum(self._each)
        self._fast_each = scrapes.rates(rows.rows, now_s, decision.fast_window_s)
        self._fast = self._sum(self._fast_each)
        self.at_s = scrapes.newest_s or now_s
        waiting = scrapes.pending(rows.rows)
        self.pending = float(waiting[scrapes.sampled(rows.rows) > 0].sum())

    def rate(self, column: int, *, fast: bool = False) -> Reading:
        """One rate; NoTraffic where it is zero."""
        rates = self._fast if fast else self._slow
        if isinstance(rates, Missing):
            return rates
        rate = rates[column]
        return Known(rate, self.at_s) if rate > 0 else NoTraffic(self.at_s)

    def ratio(self, above: int, below: int) -> Reading:
        """One rate over another; NoTraffic where the other is zero."""
        if isinstance(self._slow, Missing):
            return self._slow
        if self._slow[below] <= 0:
            return NoTraffic(self.at_s)
        return Known(self._slow[above] / self._slow[below], self.at_s)

    def arrivals(self, *, fast: bool) -> Reading:
        """Answered, failed and the growth of the backlog."""
        rates = self._fast if fast else self._slow
        growth = self._sum(
            self._scrapes.growth(self._rows.rows, self._now_s, self._windows_s[fast])[:, None]
        )
        if isinstance(rates, Missing):
            return rates
        if isinstance(growth, Missing):
            return growth
        total = rates[SUCCESS] + rates[FAILURE] + max(0.0, growth[0])
        # Requests that wait while none is answered are not idleness.
        return Known(total, self.at_s) if total > 0 or self.pending else NoTraffic(self.at_s)

    def backlogs(self) -> tuple[Backlog, ...]:
        """Of the pods Ready for twice the fast window, those whose queue did not empty over it."""
        rows, window_s = self._rows.rows, self._windows_s[True]
        waiting = self._scrapes.pending(rows)
        if not waiting.any():
            return ()
        growth = self._scrapes.growth(rows, self._now_s, window_s)
        least = np.minimum(waiting, waiting - window_s * growth)
        answered = self._fast_each[:, SUCCESS]
        old = self._now_s - self._rows.ready_s >= 2.0 * window_s
        found = old & (least > 0.0) & (answered > 0.0)  # NaN is neither
        return tuple(map(Backlog, answered[found].tolist(), least[found].tolist()))

    def slowest_s(self) -> float | None:
        """The slowest pod's summary among those that answered; None where none has one."""
        values = self._scrapes.quantiles[self._rows.rows][self._each[:, SUCCESS] > 0]
        return max((v for v in values.tolist() if not math.isnan(v)), default=None)

    def confirmed(self, reading: Reading) -> Reading:
        """The reading, unless the counters are blind or stand still: a summary outlives its
        traffic."""
        if isinstance(self._slow, Missing):
            return self._slow
        return reading if self._slow[SUCCESS] > 0 else NoTraffic(self.at_s)

    def _sum(self, values: Floats) -> list[float] | Missing:
        """Over rows, column by column; a row has all of its columns or none."""
        total: list[float] = values.sum(axis=0).tolist()
        if not math.isnan(total[0]):
            return total
        known = np.isfinite(values[:, 0])
        if (self._required & ~known).any():
            return _TOO_SHORT
        total = values[known].sum(axis=0).tolist()
        return total if known.any() else _WARMING
