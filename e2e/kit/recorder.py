"""A record of what the cluster held of one model, second by second, read from the API server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from e2e.kit.background import Background
from trimtab.actuate import kinds, names
from trimtab.actuate.client import KubeClient

PERIOD_S = 0.5


@dataclass(frozen=True)
class Moment:
    """What was there at `at_s` (epoch seconds).

    replicas: asked for, over all Deployments; ready: pods that serve; existing: pods that exist,
    those on their way out included, which is what costs; status: of the ModelDeployment; asked:
    replicas by Deployment, "variant/class"; backends: what its HTTPRoute lists, (Service, weight)
    in order, where it has one.
    """

    at_s: float
    replicas: int
    ready: int
    existing: int
    cost_per_hour: Decimal
    status: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)
    backends: tuple[tuple[str, int], ...] = ()

    @property
    def summary(self) -> str:
        """The decision in words."""
        return str((self.status.get("decision") or {}).get("summary", ""))


class Recorder(Background):
    """Polls until left."""

    def __init__(self, kubeconfig: Path, namespace: str, name: str) -> None:
        super().__init__()
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._name = name
        self.moments: list[Moment] = []
        self.gaps: list[tuple[float, str]] = []

    @property
    def last(self) -> Moment | None:
        """The newest moment."""
        return self.moments[-1] if self.moments else None

    def since(self, at_s: float) -> list[Moment]:
        """The moments from `at_s` on."""
        return [m for m in self.moments if m.at_s >= at_s]

    def _run(self) -> None:
        asyncio.run(self._poll())

    async def _poll(self) -> None:
        async with await KubeClient.connect(str(self._kubeconfig)) as kube:
            while not self._left.is_set():
                # A fault test may hold the API server down: the record has a gap then, and goes on
                # after it. A thread that ended would be taken for a fleet that never changed.
                try:
                    self.moments.append(await self._moment(kube))
                except Exception as error:
                    self.gaps.append((time.time(), repr(error)))
                await asyncio.sleep(PERIOD_S)

    async def _moment(self, kube: KubeClient) -> Moment:
        selector = f"trimtab.dev/model-deployment={self._name}"
        deployments, _ = await kube.list(kinds.DEPLOYMENT, self._namespace, label_selector=selector)
        pods, _ = await kube.list(kinds.POD, self._namespace, label_selector=selector)
        classes, _ = await kube.list(kinds.ACCELERATOR_CLASS)
        model = await kube.find(kinds.MODEL_DEPLOYMENT, self._name, self._namespace)
        prices = {
            c["metadata"]["name"]: Decimal(c["spec"].get("pricePerHour", "0")) for c in classes
        }
        alive = [p for p in pods if p["status"].get("phase") not in ("Succeeded", "Failed")]
        return Moment(
            at_s=time.time(),
            replicas=sum(d["spec"]["replicas"] for d in deployments),
            ready=sum(d["status"].get("readyReplicas", 0) for d in deployments),
            existing=len(alive),
            cost_per_hour=sum(
                (
                    prices.get(p["metadata"]["labels"]["trimtab.dev/accelerator-class"], Decimal(0))
                    for p in alive
                ),
                Decimal(0),
            ),
            status=(model or {}).get("status") or {},
            asked={_workload(d): d["spec"]["replicas"] for d in deployments},
            backends=_backends(await kube.find(kinds.HTTP_ROUTE, self._name, self._namespace)),
        )


def _workload(deployment: Mapping[str, Any]) -> str:
    labels = deployment["metadata"]["labels"]
    return f"{labels[names.VARIANT_LABEL]}/{labels[names.CLASS_LABEL]}"


def _backends(route: Mapping[str, Any] | None) -> tuple[tuple[str, int], ...]:
    rules = route["spec"]["rules"] if route else [{}]
    return tuple((b["name"], b["weight"]) for b in rules[0].get("backendRefs", ()))
