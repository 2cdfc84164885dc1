"""The operator's readings of one model, from scrapes: what each means is as in its Prometheus
queries, down to the pods that count and the reasons for what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.api.resources import LatencySourceType, ModelDeployment
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale
from trimtab.core.snapshot import ModelReadings, WorkloadKey, WorkloadReadings
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
        table = _Table(self._scrapes, self._settings, rows, now_s)
        latency, source, estimated = self._latency(table)
        return ModelReadings(
            arrival_rate=table.arrivals(fast=False),
            arrival_rate_fast=table.arrivals(fast=True),
            pending=Known(table.pending, table.at_s),
            failure_rate=_rate(table.total(FAILURE), table.at_s),
            items_per_request=table.ratio(SUCCESS, SUCCESS),
            latency_s=latency,
            latency_source=source,
            latency_estimated=estimated,
            workloads=tuple(self._workload(table, key, part) for key, part in rows.parts.items()),
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

    def _workload(self, table: _Table, key: WorkloadKey, part: slice) -> WorkloadReadings:
        why = self._blind(table.rows_of(part), table.now_s)
        if why is not None:
            return WorkloadReadings(key, *(why,) * 6)
        return WorkloadReadings(
            key,
            rate=_rate(table.total(SUCCESS, part), table.at_s),
            batch_rate=_rate(table.total(EXECUTIONS, part), table.at_s),
            service_time_s=table.ratio(COMPUTE_S, SUCCESS, part),
            batch_size=table.ratio(SUCCESS, EXECUTIONS, part),
            queue_time_s=table.ratio(QUEUE_S, SUCCESS, part),
            latency_s=self._latency(table, part)[0],
        )

    def _latency(self, table: _Table, part: slice = slice(None)) -> tuple[Reading, str, bool]:
        """The SLO's percentile, where it comes from, and whether it is an estimate."""
        percentile, kind = self._spec.slo.percentile, self._spec.latency_source.type
        answered = table.total(SUCCESS, part)
        if kind is LatencySourceType.TRITON_COUNTERS:
            return _confirmed(_BY_MODEL, answered, table.at_s), "TritonCounters", True
        if kind is LatencySourceType.PROM_QL and part == slice(None):
            # The user's own query: what clients see, wherever the requests were answered.
            bins = self._scrapes.client_bins(SUMMARY_S)
            seconds = quantile_s(bins, percentile / 100.0)
            return (
                NoTraffic(table.at_s) if seconds is None else Known(seconds, table.at_s),
                "PromQL",
                False,
            )
        slowest = table.slowest_s(part)
        reading = _WARMING if slowest is None else Known(slowest, table.at_s)
        low = summary_quantile(percentile) * 100 < percentile - 1e-9
        return _confirmed(reading, answered, table.at_s), "TritonSummary", low


class _Table:
    """The rates of every row at one second."""

    def __init__(self, scrapes: Scrapes, settings: RunSettings, rows: Rows, now_s: float) -> None:
        long_s, fast_s = settings.decision.long_window_s, settings.decision.fast_window_s
        self._rows = rows
        self._quantiles = scrapes.quantiles[rows.rows]
        self._required = now_s - rows.ready_s >= 2 * long_s
        self._slow = scrapes.rates(rows.rows, now_s, long_s)
        self._fast = scrapes.rates(rows.rows, now_s, fast_s)
        self._growth = (
            scrapes.growth(rows.rows, now_s, long_s),
            scrapes.growth(rows.rows, now_s, fast_s),
        )
        self.now_s = now_s
        self.at_s = scrapes.newest_s or now_s
        waiting = scrapes.pending(rows.rows)[scrapes.sampled(rows.rows) > 0]
        self.pending = float(waiting.sum())

    def rows_of(self, part: slice) -> Rows:
        """Only the rows of one workload."""
        return Rows(self._rows.rows[part], self._rows.ready_s[part], {})

    def total(
        self, column: int, part: slice = slice(None), *, fast: bool = False
    ) -> float | Missing:
        """A rate over those rows. Not whatever is there: of two old pods one without samples would
        halve it."""
        values = (self._fast if fast else self._slow)[part, column]
        return _sum(values, self._required[part])

    def ratio(self, above: int, below: int, part: slice = slice(None)) -> Reading:
        """One rate over another; NoTraffic where the other is zero."""
        upper, lower = self.total(above, part), self.total(below, part)
        if isinstance(upper, Missing):
            return upper
        if isinstance(lower, Missing):
            return lower
        return Known(upper / lower, self.at_s) if lower > 0 else NoTraffic(self.at_s)

    def arrivals(self, *, fast: bool) -> Reading:
        """Answered, failed and the growth of the backlog."""
        answered = self.total(SUCCESS, fast=fast)
        failed = self.total(FAILURE, fast=fast)
        growth = _sum(self._growth[fast], self._required)
        if isinstance(answered, Missing):
            return answered
        if isinstance(failed, Missing):
            return failed
        if isinstance(growth, Missing):
            return growth
        total = answered + failed + max(0.0, growth)
        # Requests that wait while none is answered are not idleness.
        return Known(total, self.at_s) if total > 0 or self.pending else NoTraffic(self.at_s)

    def slowest_s(self, part: slice) -> float | None:
        """The slowest pod's summary among those that answered; None where none has one."""
        values = self._quantiles[part][self._slow[part, SUCCESS] > 0]
        slowest = float(np.nanmax(values)) if np.isfinite(values).any() else math.nan
        return None if math.isnan(slowest) else slowest


def _sum(values: Floats, required: NDArray[np.bool_]) -> float | Missing:
    known = np.isfinite(values)
    if (required & ~known).any():
        return _TOO_SHORT
    return float(values[known].sum()) if known.any() else _WARMING


def _rate(total: float | Missing, at_s: float) -> Reading:
    if isinstance(total, Missing):
        return total
    return Known(total, at_s) if total > 0 else NoTraffic(at_s)


def _confirmed(reading: Reading, answered: float | Missing, at_s: float) -> Reading:
    """The reading, unless the counters are blind or stand still: a summary outlives its traffic."""
    if isinstance(answered, Missing):
        return answered
    return reading if answered > 0 else NoTraffic(at_s)
