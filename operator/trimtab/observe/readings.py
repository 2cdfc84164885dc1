"""Readings of every model from the answers of the fleet-wide queries. Pure.

What a mean is over, per workload and long window, as Triton's source counts:

- compute_*_duration_us grows once for EACH REQUEST of a batch by the whole batch's time, and
  exec_count once for each batch. So compute/exec_count is the batch size times too much (eight
  requests in one execution of 50 ms would read as 400 ms); the mean time of an execution is
  compute/requests, in which a batch weighs by its requests.
- count grows by the items of a request, so count/exec_count is the mean items of an execution.
- requests answered from a response cache count as success and hit, and in nothing else: not as
  count, and with no time in the queue. So success - hits executed, and means are over those. As
  every request has at least one item, it is no more than count where hits are not scraped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trimtab.api.resources import ObjectKey
from trimtab.core.signals import Known, Missing, NoTraffic, Reading, Stale, value_or_none
from trimtab.core.snapshot import ModelReadings, ModelState, Workload, WorkloadReadings
from trimtab.observe.backlogs import backlogs_of
from trimtab.observe.gateway import GatewayTable
from trimtab.observe.latency import UserOutcome, model_latency, summary_or_counters
from trimtab.observe.queries import Metric
from trimtab.observe.table import MOST, Cover, FleetTable

NO_CACHE = Missing("NoCache", "Triton exports no hits of a response cache for the model.")

NO_RATIO = Missing("NotANumber", "Triton's counters make a mean that is beyond all measure.")


@dataclass(frozen=True, slots=True)
class _View:
    """The table as seen through one set of pods."""

    table: FleetTable
    cover: Cover

    def total(self, metric: Metric) -> float | Missing:
        return self.table.total(metric, self.cover)

    def rate(self, metric: Metric) -> Reading:
        """A rate that is zero is a true zero: the samples behind it are fresh."""
        total = self.total(metric)
        if isinstance(total, Missing):
            return total
        return Known(total, self.cover.at_s) if total > 0 else NoTraffic(self.cover.at_s)

    def ratio(self, above: float | Missing, below: float | Missing, scale: float = 1.0) -> Reading:
        """above / below; NoTraffic where nothing was counted, never 0/0."""
        if isinstance(above, Missing):
            return above
        if isinstance(below, Missing):
            return below
        if below <= 0:
            return NoTraffic(self.cover.at_s)
        value = above / below * scale
        return Known(value, self.cover.at_s) if value <= MOST else NO_RATIO

    def hits(self, metric: Metric) -> Reading:
        """Answers from response caches; no zero where none is exported."""
        failed = self.table.error(metric)
        if failed is not None:
            return failed
        row = self.table.row(metric, self.cover)
        # A pod without the series, in a rollout of the cache say, has no cache: its hits are none.
        return Known(math.fsum(row.values()), self.cover.at_s) if row else NO_CACHE

    def executed(self) -> float | Missing:
        """Requests that were answered by an execution."""
        success, items = self.total(Metric.SUCCESS), self.total(Metric.ITEMS)
        if isinstance(success, Missing):
            return success
        if isinstance(items, Missing):
            return items
        hits = value_or_none(self.hits(Metric.HITS)) or 0.0
        return max(0.0, min(success - hits, items))

    def failures(self, metric: Metric) -> float | Missing:
        # Absent beside a success counter of the same scrape: none was counted yet.
        return self.table.total_or_zero(metric, self.cover)


def readings_of(
    table: FleetTable,
    gateway: GatewayTable,
    users: Mapping[ObjectKey, UserOutcome],
    states: Iterable[ModelState],
    now_s: float,
) -> dict[ObjectKey, ModelReadings]:
    """Every model's readings at `now_s` (epoch seconds); what one lacks never disturbs another.

    `users` holds the outcome of each PromQL latency source by ModelDeployment.
    """
    return {s.spec.key: _model(table, gateway, s, users.get(s.spec.key), now_s) for s in states}


def _model(
    table: FleetTable, gateway: GatewayTable, state: ModelState, user: UserOutcome, now_s: float
) -> ModelReadings:
    spec = state.spec
    pods = [pod for workload in state.workloads for pod in workload.pods]
    cover = table.cover(spec.key.namespace, spec.model, pods, now_s)
    alone = len(state.workloads) == 1  # its pods are all there are
    latency = model_latency(spec, table, gateway, cover, user, now_s)
    known = ModelReadings(
        latency_s=latency.reading,
        latency_source=latency.source,
        latency_estimated=latency.estimated,
        latency_bucket=latency.bucket,
        latency_note=latency.note,
        workloads=tuple(
            _workload(table, state, w, cover if alone else _cover(table, state, w, now_s), now_s)
            for w in state.workloads
        ),
    )
    if not isinstance(cover, Cover):
        return replace(
            known,
            arrival_rate=cover,
            arrival_rate_fast=cover,
            pending=cover,
            failure_rate=cover,
            hit_rate=cover,
            hit_rate_fast=cover,
        )
    view = _View(table, cover)
    hits, hits_fast = view.hits(Metric.HITS), view.hits(Metric.HITS_FAST)
    arrivals = _arrivals(view, Metric.SUCCESS, Metric.FAILURE, Metric.GROWTH)
    arrivals_fast = _arrivals(view, Metric.SUCCESS_FAST, Metric.FAILURE_FAST, Metric.GROWTH_FAST)
    if spec.triton.cache_bytes is not None:
        # One query of many that timed out: taken for no hits, it made four replicas of each.
        arrivals = table.error(Metric.HITS) or arrivals
        arrivals_fast = table.error(Metric.HITS_FAST) or arrivals_fast
    return replace(
        known,
        arrival_rate=arrivals,
        arrival_rate_fast=arrivals_fast,
        pending=_pending(view),
        failure_rate=_failure_rate(view),
        items_per_request=view.ratio(view.total(Metric.ITEMS), view.executed()),
        hit_rate=hits,
        hit_rate_fast=hits_fast,
    )


def _arrivals(view: _View, success: Metric, failure: Metric, growth: Metric) -> Reading:
    """Answered + failed + growth of the backlog.

    Completions alone understate arrivals just when it matters: at 200/s offered to a replica that
    does 100/s they say 100/s, and the fleet looks big enough.
    """
    answered, failed = view.total(success), view.failures(failure)
    backlog = _growth(view, growth)
    for part in (answered, failed, backlog):
        if isinstance(part, Missing):
            return part
    assert isinstance(answered, float)
    assert isinstance(failed, float)
    assert isinstance(backlog, float)
    total = answered + failed + max(0.0, backlog)
    if total > 0 or _waiting(view):
        # A hung backend answers nothing while requests wait: zero per second, but not idle.
        return Known(total, view.cover.at_s)
    return NoTraffic(view.cover.at_s)


def _growth(view: _View, growth: Metric) -> float | Missing:
    failed = view.table.error(Metric.PENDING) or view.table.error(growth)
    if failed is not None:
        return failed
    if not view.table.row(Metric.PENDING, view.cover):
        return 0.0  # a Triton before 23.10 has no such gauge: completions are all there is
    return view.total(growth)


def _waiting(view: _View) -> bool:
    return any(count > 0 for count in view.table.row(Metric.PENDING, view.cover).values())


def _pending(view: _View) -> Reading:
    total = view.total(Metric.PENDING)
    return total if isinstance(total, Missing) else Known(total, view.cover.at_s)


def _failure_rate(view: _View) -> Reading:
    answered, failed = view.total(Metric.SUCCESS), view.failures(Metric.FAILURE)
    if isinstance(answered, Missing):
        return answered
    if isinstance(failed, Missing):
        return failed
    if answered + failed <= 0:
        return NoTraffic(view.cover.at_s)
    return Known(failed, view.cover.at_s)


def _cover(
    table: FleetTable, state: ModelState, workload: Workload, now_s: float
) -> Cover | Missing | Stale:
    spec = state.spec
    return table.cover(spec.key.namespace, spec.model, workload.pods, now_s)


def _workload(
    table: FleetTable,
    state: ModelState,
    workload: Workload,
    cover: Cover | Missing | Stale,
    now_s: float,
) -> WorkloadReadings:
    spec = state.spec
    latency = summary_or_counters(spec, table, cover).reading
    if not isinstance(cover, Cover):
        return WorkloadReadings(workload.key, *(cover,) * 7)
    view = _View(table, cover)
    executed, items = view.executed(), view.total(Metric.ITEMS)
    return WorkloadReadings(
        workload.key,
        rate=view.rate(Metric.SUCCESS),
        batch_rate=view.rate(Metric.EXECUTIONS),
        service_time_s=view.ratio(view.total(Metric.COMPUTE_US), executed, 1e-6),
        batch_size=view.ratio(items, view.total(Metric.EXECUTIONS)),
        queue_time_s=view.ratio(view.total(Metric.QUEUE_US), executed, 1e-6),
        latency_s=latency,
        hit_rate=view.hits(Metric.HITS),
        backlogs=backlogs_of(table, cover, workload, now_s),
    )
