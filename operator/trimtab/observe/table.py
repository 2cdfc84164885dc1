"""The answers of the fleet-wide queries as one table, joined with live pods.

Pure: samples in, numbers or the reason for their absence out. A pod that is not asked for is never
read, so the series of a vanished pod change nothing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from sys import intern
from typing import ClassVar, Generic, Self, TypeVar

from trimtab.core.signals import Missing, Stale
from trimtab.core.snapshot import Pod
from trimtab.observe.errors import PrometheusError
from trimtab.observe.prometheus import Sample
from trimtab.observe.queries import Metric, ReadSettings

Outcome = Sequence[Sample] | PrometheusError
"""What one query came to."""

_Asked = TypeVar("_Asked", bound=StrEnum)

MOST = 1e15
"""No counter, rate or time of a Triton is more."""
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Cover:
    """The pods of one model whose series may be read.

    `fresh` have a recent sample. `required` are those without which a sum would be blind: ready
    for long enough to have been scraped. `at_s` is the oldest of the fresh pods' newest samples.
    `rows`: what the table was asked of them, by metric.
    """

    namespace: str
    model: str
    fresh: frozenset[str]
    required: frozenset[str]
    at_s: float
    rows: dict[Metric, dict[str, float]] = field(default_factory=dict, compare=False, repr=False)


class Table(ABC, Generic[_Asked]):
    """What the queries of one set came to, each taken as it comes."""

    METRICS: ClassVar[type[StrEnum]]

    def __init__(self, settings: ReadSettings) -> None:
        self.settings = settings
        self._errors = {
            metric: Missing("NotRead", f"{metric} was not read.") for metric in self.METRICS
        }

    @classmethod
    def of(cls, outcomes: Mapping[_Asked, Outcome], settings: ReadSettings) -> Self:
        """A table of so many queries; the others were not read."""
        table = cls(settings)
        for metric, outcome in outcomes.items():
            table.add(metric, outcome)
        return table

    def add(self, metric: _Asked, outcome: Outcome) -> None:
        """Takes what the query came to; nothing of it is needed any more."""
        if isinstance(outcome, PrometheusError):
            self._errors[metric] = Missing(outcome.reason, outcome.message)
            return
        self._errors.pop(metric, None)
        self._add(metric, outcome)

    def error(self, metric: _Asked) -> Missing | None:
        """Why the whole query gave nothing, or None where it was answered."""
        return self._errors.get(metric)

    @abstractmethod
    def _add(self, metric: _Asked, samples: Sequence[Sample]) -> None:
        """Takes the samples of one query."""


class FleetTable(Table[Metric]):
    """Values by metric, model and pod. What no Triton exports or has no labels is left out,
    and its pod then lacks the metric.
    """

    METRICS = Metric

    def __init__(self, settings: ReadSettings) -> None:
        super().__init__(settings)
        self._values: dict[tuple[Metric, str, str], dict[str, float]] = {}
        self._quantiles: dict[tuple[str, str, str], dict[float, float]] = {}
        self.unlabelled = 0

    def _add(self, metric: Metric, samples: Sequence[Sample]) -> None:
        # Of a fleet of a thousand there are twenty thousand samples in every tick.
        namespace_label, pod_label = self.settings.namespace_label, self.settings.pod_label
        low, values = _least(metric), self._values
        for sample in samples:
            labels, value, _ = sample
            if not low <= value <= MOST and not (metric is Metric.SUMMARY_US and math.isnan(value)):
                continue
            namespace, pod, model = (
                labels.get(namespace_label),
                labels.get(pod_label),
                labels.get("model"),
            )
            if not namespace or not pod or not model:
                self.unlabelled += metric is Metric.NEWEST
            elif metric is Metric.SUMMARY_US:
                self._add_quantile((namespace, model, pod), sample)
            else:
                row = values.get((metric, namespace, model))
                if row is None:
                    row = values[metric, namespace, model] = {}
                known = row.get(pod)
                # The text of each answer is its own, and a pod is in fifteen of them.
                row[intern(pod)] = value if known is None else max(value, known)

    def _add_quantile(self, key: tuple[str, str, str], sample: Sample) -> None:
        try:
            quantile = float(sample.labels.get("quantile", ""))
        except ValueError:
            return
        row = self._quantiles.setdefault(key, {})
        if not math.isnan(sample.value):
            row[quantile] = max(sample.value, row.get(quantile, -math.inf))

    def row(self, metric: Metric, cover: Cover) -> dict[str, float]:
        """The metric's value of each fresh pod that has one."""
        row = cover.rows.get(metric)
        if row is None:
            values = self._values.get((metric, cover.namespace, cover.model), {})
            row = cover.rows[metric] = {pod: values[pod] for pod in cover.fresh if pod in values}
        return row

    def quantiles(self, cover: Cover, pod: str) -> Mapping[float, float] | None:
        """The pod's latency summary in microseconds by quantile; empty where no request is in its
        window, None where it exports none."""
        return self._quantiles.get((cover.namespace, cover.model, pod))

    def total(self, metric: Metric, cover: Cover) -> float | Missing:
        """The sum over fresh pods, or why there is none.

        Counter-example to summing whatever is there: of two old pods at 50/s one drops out of the
        scrape; the sum says 50/s and half of the fleet would be taken away under full load.
        """
        failed = self.error(metric)
        if failed is not None:
            return failed
        row = self.row(metric, cover)
        lacking = cover.required - row.keys()
        if lacking:
            return self._lacking(metric, lacking)
        if not row:
            return _warming(cover.fresh)
        return math.fsum(row.values())

    def total_or_zero(self, metric: Metric, cover: Cover) -> float | Missing:
        """As `total`, where a pod without the series counts as zero.

        Only for what Triton may not export at all (failures before the first one, the backlog
        before 23.10) and only beside a counter of the same scrape that is there.
        """
        failed = self.error(metric)
        return failed if failed is not None else math.fsum(self.row(metric, cover).values())

    def _lacking(self, metric: Metric, pods: Iterable[str]) -> Missing:
        if metric in (Metric.SUCCESS, Metric.SUCCESS_FAST):
            fast = metric is Metric.SUCCESS_FAST
            window = self.settings.fast_window_s if fast else self.settings.long_window_s
            return Missing(
                "WindowTooShort",
                f"Pods {names(pods)} have fewer than two samples in the window of {window:g} s: "
                "scrape more often or set a longer window.",
            )
        return Missing("PodWithoutSeries", f"{metric} is missing for ready pods {names(pods)}.")

    def cover(
        self, namespace: str, model: str, pods: Sequence[Pod], now_s: float
    ) -> Cover | Missing | Stale:
        """Which of the model's pods can be read at `now_s`, or why none may be."""
        ready = {p.name: p.ready_s for p in pods if p.ready_s is not None and not p.terminating}
        if not ready:
            return Missing("NoReadyPods", "No pod of the model is ready, so none is measured.")
        failed = self.error(Metric.NEWEST)
        if failed is not None:
            return failed
        everything = Cover(namespace, model, frozenset(p.name for p in pods), frozenset(), now_s)
        newest = self.row(Metric.NEWEST, everything)
        required = frozenset(
            name for name, since in ready.items() if now_s - since >= self.settings.warming_s
        )
        ages = [now_s - at for pod, at in newest.items() if pod in ready]
        if not ages:
            return self._no_series(namespace, model, ready) if required else _warming(ready)
        if min(ages) > self.settings.stale_after_s:
            return Stale(min(ages))
        limit = now_s - self.settings.stale_after_s
        fresh = {pod: at for pod, at in newest.items() if at >= limit}
        blind = required - fresh.keys()
        if blind:
            return Missing(
                "PodWithoutSeries",
                f"Ready pods {names(blind)} have no sample of the last "
                f"{self.settings.stale_after_s:g} s while others have: a sum without them would "
                "understate the load. Check their targets in Prometheus.",
            )
        return Cover(namespace, model, frozenset(fresh), required, min(fresh.values()))

    @cached_property
    def _models(self) -> dict[tuple[str, str], set[str]]:
        """The models that each pod exports, by namespace and pod."""
        models: dict[tuple[str, str], set[str]] = {}
        for (_, namespace, model), row in self._values.items():
            for pod in row:
                models.setdefault((namespace, pod), set()).add(model)
        return models

    def exported(self, namespace: str, pods: Iterable[str]) -> list[str]:
        """The models that these pods have series of, by Triton's names."""
        return sorted(set().union(*(self._models.get((namespace, p), set()) for p in pods)))

    def _no_series(self, namespace: str, model: str, pods: Iterable[str]) -> Missing:
        seen = self.exported(namespace, pods)
        if seen:
            text = (
                f"The pods export models {', '.join(seen[:_NAMES_SHOWN])}, not {model!r}: "
                "spec.model must be Triton's model name."
            )
        elif self.unlabelled:
            text = (
                f"{self.unlabelled} Triton series carry no {self.settings.namespace_label!r}, "
                f"{self.settings.pod_label!r} or model label: relabel them in the scrape config, "
                "or set the label names."
            )
        else:
            text = (
                f"Prometheus has no Triton series for ready pods {names(pods)}: check that a "
                "PodMonitor or scrape config selects them on their metrics port (8002)."
            )
        return Missing("NoSeries", text)


def _least(metric: Metric) -> float:
    """From there to MOST a value is plausible. NaN and infinity are not, nor is what is less than
    nothing where only the backlog may shrink, nor what is so much that two of it have no sum: a
    proxy's arithmetic, and no counter's."""
    return -MOST if metric in (Metric.GROWTH, Metric.GROWTH_FAST) else 0.0


def names(pods: Iterable[str]) -> str:
    """Up to three pod names, sorted, and how many more there are."""
    ordered = sorted(pods)
    more = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _warming(pods: Iterable[str]) -> Missing:
    return Missing(
        "Warming", f"Pods {names(pods)} became ready a moment ago and were not scraped twice yet."
    )
