"""Pods whose queue did not empty over the fast window: what they answered is all that they can."""

from __future__ import annotations

from trimtab.core.snapshot import Backlog, Workload
from trimtab.observe.queries import Metric
from trimtab.observe.table import Cover, FleetTable


def backlogs_of(
    table: FleetTable, cover: Cover, workload: Workload, now_s: float
) -> tuple[Backlog, ...]:
    """Of the workload's pods, those Ready for twice the window: the first executions of a pod are
    slower. Nothing where a query was not answered."""
    wait = {pod: n for pod, n in table.row(Metric.PENDING, cover).items() if n > 0.0}
    if not wait or table.error(Metric.GROWTH_FAST) or table.error(Metric.HITS_FAST):
        return ()
    window_s = table.settings.fast_window_s
    ready = {p.name: p.ready_s for p in workload.pods if p.ready_s is not None}
    growth, answered, hits = (
        table.row(metric, cover)
        for metric in (Metric.GROWTH_FAST, Metric.SUCCESS_FAST, Metric.HITS_FAST)
    )
    return tuple(
        Backlog(executed, least)
        for pod, now in wait.items()
        if pod in ready and now_s - ready[pod] >= 2.0 * window_s
        if pod in growth and pod in answered
        if (least := min(now, now - window_s * growth[pod])) > 0.0
        if (executed := answered[pod] - hits.get(pod, 0.0)) > 0.0
    )
