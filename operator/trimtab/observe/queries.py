"""The fleet-wide PromQL set: a fixed number of instant queries for all models together.

Each query answers one row per (namespace, pod, model), so that its cost on the operator's side
grows with pods and never with the number of queries; readings are joined with live pods later.

Every query has two levels. Inside, series of one scrape target are summed over what Triton itself
distinguishes (model version, GPU, failure reason). Outside, the maximum over targets is taken: two
scrape configs that both match a pod (a PodMonitor and an annotation job, or an undeduplicated pair
of Prometheus servers) would otherwise double its rate, and the fleet with it.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

TRITON_METRICS = (
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
    "nv_inference_pending_request_count",
    "nv_inference_request_summary_us",
    "nv_cache_num_hits_per_model",
)
"""Everything the set reads; a test of the install can hold it against Triton's own /metrics. The
summary is absent of a model with a response cache, and the hits of one without."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MATCHER = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*(=~|!~|!=|=)"(\\.|[^"\\\n])*"')


class Metric(enum.StrEnum):
    """One query of the set. Rates are per second; `_FAST` uses the fast window, else the long."""

    NEWEST = "Newest"  # when the pod's newest sample was taken, epoch seconds
    SUCCESS = "Success"
    SUCCESS_FAST = "SuccessFast"
    FAILURE = "Failure"
    FAILURE_FAST = "FailureFast"
    PENDING = "Pending"  # requests waiting now
    GROWTH = "Growth"  # of the waiting requests, per second, negative while they drain
    GROWTH_FAST = "GrowthFast"
    ITEMS = "Items"
    EXECUTIONS = "Executions"
    COMPUTE_US = "ComputeUs"  # input + infer + output
    QUEUE_US = "QueueUs"
    SUMMARY_US = "SummaryUs"  # labelled by quantile
    HITS = "Hits"  # requests answered from a response cache
    HITS_FAST = "HitsFast"


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How the fleet is read. Times are seconds.

    A window must span at least two scrapes, or rate() has nothing to say. `stale_after_s` is the
    age at which a sample is too old to act on. A ready pod may lack series for `warming_s`.
    `matchers` are PromQL label matchers added to every selector, such as `cluster="eu1"`.
    `target_labels` tell scrape targets of one pod apart. `deadline_s` bounds one whole reading,
    `concurrency` how many queries run at once. Raises ValueError with the field and the mend.
    """

    fast_window_s: float = 10.0
    long_window_s: float = 60.0
    stale_after_s: float = 30.0
    namespace_label: str = "namespace"
    pod_label: str = "pod"
    matchers: tuple[str, ...] = ()
    target_labels: tuple[str, ...] = (
        "job",
        "instance",
        "endpoint",
        "container",
        "prometheus",
        "prometheus_replica",
        "replica",
    )
    deadline_s: float = 8.0
    concurrency: int = 4

    def __post_init__(self) -> None:
        if not 1.0 <= self.fast_window_s <= self.long_window_s:
            raise ValueError(
                "The windows must satisfy 1 s <= fast <= long; "
                f"got fast {self.fast_window_s:g} s, long {self.long_window_s:g} s."
            )
        # "not >" and no "<=": NaN is refused too.
        if not (self.stale_after_s > 0 and self.deadline_s > 0 and self.concurrency >= 1):
            raise ValueError("stale_after_s, deadline_s and concurrency must be positive.")
        for label in (self.namespace_label, self.pod_label, *self.target_labels):
            if not _LABEL.fullmatch(label):
                raise ValueError(f"{label!r} is not a Prometheus label name.")
        for matcher in self.matchers:
            if not _MATCHER.fullmatch(matcher):
                raise ValueError(f'The matcher {matcher!r} must look like label="value".')

    @property
    def warming_s(self) -> float:
        """How long after Ready a pod may be without series: two long windows."""
        return 2 * self.long_window_s


def fleet_queries(settings: ReadSettings) -> dict[Metric, str]:
    """The PromQL text of every metric. Counters are read by rate(), which survives restarts;
    delta() counts a restarted Triton as negative traffic.
    """
    q = _Builder(settings)
    fast, long = settings.fast_window_s, settings.long_window_s
    return {
        Metric.NEWEST: q.newest("inference_request_success"),
        Metric.SUCCESS: q.rate("inference_request_success", long),
        Metric.SUCCESS_FAST: q.rate("inference_request_success", fast),
        Metric.FAILURE: q.rate("inference_request_failure", long),
        Metric.FAILURE_FAST: q.rate("inference_request_failure", fast),
        Metric.PENDING: q.gauge("inference_pending_request_count"),
        Metric.GROWTH: q.deriv("inference_pending_request_count", long),
        Metric.GROWTH_FAST: q.deriv("inference_pending_request_count", fast),
        Metric.ITEMS: q.rate("inference_count", long),
        Metric.EXECUTIONS: q.rate("inference_exec_count", long),
        Metric.COMPUTE_US: q.rates(
            tuple(f"inference_compute_{part}_duration_us" for part in ("input", "infer", "output")),
            long,
        ),
        Metric.QUEUE_US: q.rate("inference_queue_duration_us", long),
        Metric.SUMMARY_US: q.summary("inference_request_summary_us"),
        Metric.HITS: q.rate("cache_num_hits_per_model", long),
        Metric.HITS_FAST: q.rate("cache_num_hits_per_model", fast),
    }


def arrival_queries(settings: ReadSettings, window_s: float) -> tuple[str, str]:
    """Answered and failed requests per second over a window, summed by (namespace, model).

    The same expressions as of the fleet, so that history is counted as the present is.
    """
    q = _Builder(settings)
    by = f"sum by ({settings.namespace_label}, model)"
    answered = f"{by} ({q.rate('inference_request_success', window_s)})"
    return answered, f"{by} ({q.rate('inference_request_failure', window_s)})"


def hits_query(settings: ReadSettings, window_s: float) -> str:
    """Requests per second that response caches answered, over a window, in the same way."""
    rate = _Builder(settings).rate("cache_num_hits_per_model", window_s)
    return f"sum by ({settings.namespace_label}, model) ({rate})"


def unlabelled_query(settings: ReadSettings) -> str:
    """Of Triton's series that lack a label of `settings`, one of each (namespace, model) with all
    the labels that it has."""
    return _Builder(settings).unlabelled("inference_request_success")


class _Builder:
    """Writes PromQL for one choice of labels and matchers."""

    def __init__(self, settings: ReadSettings) -> None:
        self._matchers = settings.matchers
        row = (settings.namespace_label, settings.pod_label, "model")
        self._namespace = settings.namespace_label
        self._row = ", ".join(row)
        self._target = ", ".join((*row, *(t for t in settings.target_labels if t not in row)))

    def newest(self, name: str) -> str:
        return f"max by ({self._row}) (timestamp({self._selector(name)}))"

    def rate(self, name: str, window_s: float) -> str:
        return self.rates((name,), window_s)

    def rates(self, names: tuple[str, ...], window_s: float) -> str:
        # One sum for each name, then "+": rate() over {__name__=~...} drops the name that tells
        # the series apart, and Prometheus refuses the duplicates. "+" also drops a pod that lacks
        # one of them, so that a part is never taken for the whole.
        sums = (f"sum by ({self._target}) (rate({self._over(n, window_s)}))" for n in names)
        return f"max by ({self._row}) ({' + '.join(sums)})"

    def deriv(self, name: str, window_s: float) -> str:
        return (
            f"max by ({self._row}) (sum by ({self._target}) (deriv({self._over(name, window_s)})))"
        )

    def gauge(self, name: str) -> str:
        return f"max by ({self._row}) (sum by ({self._target}) ({self._selector(name)}))"

    def summary(self, name: str) -> str:
        # A maximum at both levels: quantiles may not be summed or averaged.
        chosen = self._selector(name, 'quantile!=""')
        return f"max by ({self._row}, quantile) ({chosen})"

    def unlabelled(self, name: str) -> str:
        lacking = (self._selector(name, f'{label}=""') for label in self._row.split(", "))
        by = f"topk by ({self._namespace}, model)"
        return f"{by} (1, {' or '.join(lacking)})"

    def _over(self, name: str, window_s: float) -> str:
        return f"{self._selector(name)}[{duration(window_s)}]"

    def _selector(self, name: str, *extra: str) -> str:
        inside = ", ".join((*extra, *self._matchers))
        return f"nv_{name}{{{inside}}}" if inside else f"nv_{name}"


def duration(seconds: float) -> str:
    """A window as PromQL writes it."""
    millis = round(seconds * 1000)
    return f"{millis // 1000}s" if millis % 1000 == 0 else f"{millis}ms"
