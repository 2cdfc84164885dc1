"""A fake fleet to read: pods with a past, the rows Prometheus would answer, one time `NOW`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from trimtab.api.resources import (
    HostPathSource,
    LatencySlo,
    LatencySource,
    LatencySourceType,
    ModelDeployment,
    ObjectKey,
    TritonSettings,
    Variant,
)
from trimtab.core.snapshot import ModelReadings, ModelState, Pod, Workload, WorkloadKey
from trimtab.observe.gateway import GatewayTable
from trimtab.observe.latency import UserOutcome
from trimtab.observe.prometheus import Sample
from trimtab.observe.queries import Metric, ReadSettings
from trimtab.observe.readings import readings_of
from trimtab.observe.table import FleetTable, Outcome

NOW = 1_800_000_000.0
KEY = ObjectKey("shop", "classifier")
FP32 = WorkloadKey("fp32", "cpu")
INT8 = WorkloadKey("int8", "cpu")
MODEL = "image_classifier"
SETTINGS = ReadSettings()

BUSY: Mapping[Metric, float] = {
    Metric.NEWEST: NOW - 2,
    Metric.SUCCESS: 50.0,
    Metric.SUCCESS_FAST: 60.0,
    Metric.FAILURE: 1.0,
    Metric.FAILURE_FAST: 0.0,
    Metric.PENDING: 4.0,
    Metric.GROWTH: -0.5,
    Metric.GROWTH_FAST: 2.0,
    Metric.ITEMS: 50.0,
    Metric.EXECUTIONS: 20.0,
    Metric.COMPUTE_US: 50 * 8_000.0,
    Metric.QUEUE_US: 50 * 3_000.0,
}
"""A pod at 50 requests/s in batches of 2.5, 8 ms an execution, 3 ms in the queue."""

IDLE: Mapping[Metric, float] = dict.fromkeys(BUSY, 0.0) | {Metric.NEWEST: NOW - 2}


def pod(name: str, ready_for_s: float | None = 1000.0, terminating: bool = False) -> Pod:
    """A pod that has been ready for so long; None: not ready."""
    since = None if ready_for_s is None else NOW - ready_for_s
    return Pod(name, NOW - 2000, since, terminating)


def spec(
    source: LatencySourceType = LatencySourceType.AUTO,
    percentile: float = 99,
    query: str | None = None,
    key: ObjectKey = KEY,
) -> ModelDeployment:
    return ModelDeployment(
        key=key,
        uid="u",
        generation=1,
        model=MODEL,
        slo=LatencySlo(percentile, 0.05),
        triton=TritonSettings(image="triton"),
        variants=(Variant("fp32", Decimal("0.9"), HostPathSource("/m"), ("cpu",)),),
        latency_source=LatencySource(source, query),
    )


def state(pods: Iterable[Pod], of: ModelDeployment | None = None) -> ModelState:
    own = tuple(pods)
    return ModelState(of or spec(), (Workload(FP32, len(own), own),))


class Rows:
    """The fleet's answers, pod by pod."""

    def __init__(self) -> None:
        self.outcomes: dict[Metric, Outcome] = {m: [] for m in Metric}

    def add(
        self,
        pod_name: str,
        values: Mapping[Metric, float] = BUSY,
        *,
        but: Mapping[Metric, float | None] | None = None,
        quantiles_s: Mapping[float, float] | None = None,
        namespace: str = "shop",
        model: str = MODEL,
    ) -> Rows:
        """One pod's rows; `but` overrides values, None takes the row away."""
        labels = {"namespace": namespace, "pod": pod_name, "model": model}
        for metric, value in {**values, **(but or {})}.items():
            if value is not None:
                self.put(metric, labels, value)
        for quantile, seconds in (quantiles_s or {}).items():
            self.put(Metric.SUMMARY_US, {**labels, "quantile": f"{quantile}"}, seconds * 1e6)
        return self

    def put(self, metric: Metric, labels: Mapping[str, str], value: float) -> Rows:
        rows = self.outcomes[metric]
        assert isinstance(rows, list)
        rows.append(Sample(labels, value, NOW))
        return self

    def fail(self, metric: Metric, problem: Outcome) -> Rows:
        self.outcomes[metric] = problem
        return self

    @property
    def table(self) -> FleetTable:
        """What the fleet's answers come to."""
        return FleetTable.of(self.outcomes, SETTINGS)

    def read(self, of: ModelState, user: UserOutcome = None, now_s: float = NOW) -> ModelReadings:
        key, gateway = of.spec.key, GatewayTable(SETTINGS)
        return readings_of(self.table, gateway, {key: user}, [of], now_s)[key]
