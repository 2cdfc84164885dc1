"""A fake gateway to read: the rows that Prometheus would answer, by label set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.observe.stories import NOW, SETTINGS, Rows, spec
from trimtab.api.resources import (
    LatencySourceType,
    ModelDeployment,
    ObjectKey,
    Routing,
    RoutingType,
)
from trimtab.core.snapshot import ModelReadings, ModelState
from trimtab.observe.gateway import GatewayTable
from trimtab.observe.gateway_queries import GatewayMetric
from trimtab.observe.prometheus import Sample
from trimtab.observe.readings import readings_of
from trimtab.observe.table import Outcome

FAST: Mapping[str, float] = {"25": 500, "49": 999, "99": 1000, "+Inf": 1000}
"""999 of 1000 within 50 ms; the bucket of 49 ms ends there."""

SLOW: Mapping[str, float] = {"25": 0, "49": 900, "99": 1000, "+Inf": 1000}


def routed(source: LatencySourceType = LatencySourceType.AUTO, **more: object) -> ModelDeployment:
    """A model behind a gateway; its target is 50 ms."""
    own = spec(source, **more)  # type: ignore[arg-type]
    return replace(own, routing=Routing(RoutingType.GATEWAY))


class Gateway:
    """The gateway's answers."""

    def __init__(self) -> None:
        self.outcomes: dict[GatewayMetric, Outcome] = {m: [] for m in GatewayMetric}

    def envoy(
        self, buckets: Mapping[str, float], *, route: str = "shop/classifier", age_s: float = 3.0
    ) -> Gateway:
        """Envoy Gateway's histogram of a route."""
        return self._add("ENVOY", {"route": route}, buckets, age_s)

    def istio(
        self,
        buckets: Mapping[str, float],
        reporter: str = "source",
        *,
        service: str = "classifier",
        age_s: float = 3.0,
    ) -> Gateway:
        """Istio's histogram of a Service, as one reporter tells it."""
        labels = {
            "destination_service_namespace": "shop",
            "destination_service_name": service,
            "reporter": reporter,
        }
        return self._add("ISTIO", labels, buckets, age_s)

    def fail(self, metric: GatewayMetric, problem: Outcome) -> Gateway:
        self.outcomes[metric] = problem
        return self

    def read(self, of: ModelState, rows: Rows, now_s: float = NOW) -> ModelReadings:
        key: ObjectKey = of.spec.key
        table = GatewayTable.of(self.outcomes, SETTINGS)
        return readings_of(rows.table, table, {}, [of], now_s)[key]

    def _add(
        self, kind: str, labels: Mapping[str, str], buckets: Mapping[str, float], age_s: float
    ) -> Gateway:
        newest = self.outcomes[GatewayMetric[f"{kind}_NEWEST"]]
        counts = self.outcomes[GatewayMetric[f"{kind}_BUCKETS"]]
        assert isinstance(newest, list)
        assert isinstance(counts, list)
        newest.append(Sample(labels, NOW - age_s, NOW))
        counts.extend(Sample({**labels, "le": le}, n, NOW) for le, n in buckets.items())
        return self
