"""A sound install on the fakes, for a test to plant one fault in."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.control.world import FakeKube, World, model_deployment
from tests.openapi import published, schemas
from trimtab.actuate import kinds
from trimtab.actuate.client_errors import Forbidden, NotFound
from trimtab.actuate.kinds import Kind
from trimtab.api.resources import RawObject
from trimtab.control.doctor.examine import examine
from trimtab.control.doctor.facts import Facts
from trimtab.control.doctor.finding import Finding
from trimtab.control.doctor.gather_cluster import gather_cluster
from trimtab.control.doctor.gather_pods import gather_pods
from trimtab.control.doctor.gather_prometheus import gather_prometheus
from trimtab.control.settings import LeaseSection, PrometheusSection, Settings
from trimtab.observe.errors import PrometheusError
from trimtab.observe.prometheus import Answer, Sample
from trimtab.observe.queries import ReadSettings

READING = ReadSettings()
GATEWAY: dict[str, Any] = {"type": "Gateway", "parentRef": {"name": "edge"}}
_BUCKETS = ("49", "99", "+Inf")  # one ends at the target


class DoctorsKube(FakeKube):
    """Tells also who asks, what that one may, what it serves and what time it is."""

    def __init__(self) -> None:
        super().__init__()
        self.user = "system:serviceaccount:trimtab-system:trimtab"
        self.may: Callable[[dict[str, str]], bool] = lambda _right: True
        self.unread: set[str] = set()
        self.not_there: set[str] = set()
        self.ahead_s = 0.0
        self.publishes = True
        self.schemas = schemas()

    async def has_kind(self, kind: Kind) -> bool:
        return kind.kind not in self.not_there and await super().has_kind(kind)

    async def list(
        self, kind: Kind, namespace: str | None = None, **options: Any
    ) -> tuple[list[dict[str, Any]], str]:
        if kind.kind in self.unread:
            raise Forbidden("GET", 403, "Forbidden", f"cannot list {kind.plural}")
        return await super().list(kind, namespace, **options)

    async def create(self, obj: RawObject) -> dict[str, Any]:
        if obj["kind"] == kinds.SELF_SUBJECT_REVIEW.kind:
            return {"status": {"userInfo": {"username": self.user}}}
        if obj["kind"] == kinds.SELF_SUBJECT_ACCESS_REVIEW.kind:
            return {"status": {"allowed": self.may(obj["spec"]["resourceAttributes"])}}
        return await super().create(obj)

    async def openapi(self, kind: Kind) -> dict[str, Any]:
        if not self.publishes:
            raise NotFound("GET", 404, "NotFound", "the server could not find it")
        return published(self.schemas)

    async def server_time_s(self) -> float | None:
        return time.time() + self.ahead_s


class DoctorsPrometheus:
    """Has scraped every pod, which is busy; `row` says what of a pod's row becomes which."""

    shown_url = "http://prometheus"

    def __init__(self, kube: FakeKube) -> None:
        self._kube = kube
        self.trouble: Callable[[str], PrometheusError | None] = lambda _promql: None
        self.row: Callable[[str, dict[str, str]], list[dict[str, str]]] = lambda _promql, row: [row]
        self.age_s = self.gateway_age_s = 2.0

    async def answer(self, promql: str, at_s: float) -> Answer:
        trouble = self.trouble(promql)
        if trouble is not None:
            raise trouble
        age_s = self.gateway_age_s if "envoy_" in promql else self.age_s
        value = at_s - age_s if "timestamp(" in promql else 20.0
        samples = [
            Sample(told, value, at_s)
            for kind, ns, name in self._kube.objects
            if kind == "Pod"
            for row in self._rows({"namespace": ns, "pod": name, "model": "digits"}, promql)
            for told in self.row(promql, row)
        ]
        if "topk" in promql:
            lacking = [
                s for s in samples if not (s.labels.get("namespace") and s.labels.get("pod"))
            ]
            return Answer(tuple(lacking))
        return Answer(tuple(samples))

    def _rows(self, row: dict[str, str], promql: str) -> list[dict[str, str]]:
        if "cache" in promql or "istio_" in promql:
            return []
        if "envoy_" in promql:
            route = {"route": f"{row['namespace']}/digits"}
            return [route] if "timestamp(" in promql else [{**route, "le": le} for le in _BUCKETS]
        if "summary" in promql:
            return [{**row, "quantile": q} for q in ("0.5", "0.99")]
        return [row]


class Install:
    """One model that serves, on a cluster with a Lease and a Prometheus."""

    def __init__(self) -> None:
        self.kube = DoctorsKube()
        self.settings = Settings(
            prometheus=PrometheusSection(url="http://prometheus"),
            lease=LeaseSection(namespace="trimtab-system"),
            instance="default",
        )
        self.world = World(self.settings, self.kube)
        self.kube.put(model_deployment())
        self.kube.put(lease(self.world.now_s))
        self.prometheus = DoctorsPrometheus(self.kube)
        self.silent: set[str] = set()

    async def answers(self, address: str) -> bool:
        """Whether the operator reaches the pod there."""
        return address not in self.silent

    async def start(self) -> None:
        """The operator makes the children, and they run."""
        await self.world.tick()
        self.world.run_pods()

    @property
    def now_s(self) -> float:
        return self.world.now_s

    async def facts(self) -> Facts:
        """What a doctor finds out now."""
        namespaces = self.settings.namespaces
        cluster, left_out = await gather_cluster(self.kube, self.settings, namespaces)  # type: ignore[arg-type]
        models = cluster.gathered.snapshot.models
        told = await gather_prometheus(self.prometheus, READING, models, self.now_s)
        return Facts(
            self.now_s,
            self.settings,
            cluster=cluster,
            prometheus=told,
            answered=await gather_pods(self, cluster.ready_pods),
            left_out=tuple(left_out),
        )

    async def findings(self) -> tuple[Finding, ...]:
        return examine(await self.facts())

    async def finding(self) -> Finding:
        """The only one."""
        found = await self.findings()
        assert len(found) == 1, found
        return found[0]


async def routed(install: Install, source: str = "Auto", **told: Any) -> None:
    """The model behind a Gateway, whose route has been told that much."""
    install.kube.installed.add("HTTPRoute")
    install.kube.put(model_deployment(routing=GATEWAY, latencySource={"type": source}))
    await install.world.tick()
    parent = {"parentRef": {"namespace": "shop", "name": "edge"}, **told}
    install.kube.find_one("HTTPRoute")["status"] = {"parents": [parent] if told else []}


def lease(renewed_s: float, holder: str = "trimtab-0") -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "trimtab", "namespace": "trimtab-system"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "renewTime": datetime.fromtimestamp(renewed_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


def operator_pod(namespace: str, instance: str, release: str = "trimtab") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{release}-0",
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": "trimtab",
                "app.kubernetes.io/component": "operator",
                "app.kubernetes.io/instance": release,
                "trimtab.dev/instance": instance,
            },
        },
        "spec": {"containers": []},
        "status": {"phase": "Running"},
    }
