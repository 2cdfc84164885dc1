"""A cluster in a dictionary and a Prometheus in a function: for speed, never the only proof."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

from trimtab.actuate.client_errors import Conflict, Forbidden, NotFound
from trimtab.actuate.kinds import Kind, kind_of
from trimtab.api.resources import RawObject
from trimtab.control.caches import OPTIONAL, Caches
from trimtab.control.gather import Gathered, gather
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics
from trimtab.control.settings import PrometheusSection, Settings
from trimtab.observe.errors import PrometheusError, PrometheusUnreachable
from trimtab.observe.prometheus import Answer, Sample, Series

Place = tuple[str, str, str]


class FakeKube:
    """Holds objects and counts writes; `refuse` names the kinds whose writes are forbidden, and
    `installed` those of others' operators that it knows."""

    def __init__(self) -> None:
        self.objects: dict[Place, dict[str, Any]] = {}
        self.events: list[tuple[str, str]] = []
        self.writes: list[str] = []
        self.refuse: set[str] = set()
        self.installed: set[str] = set()
        self._versions = itertools.count(1)

    def put(self, obj: RawObject) -> None:
        """As if a user had applied it: every put is a new generation."""
        place = self._place(obj)
        old = self.objects.get(place)
        kept = (old or obj)["metadata"]
        meta = {"uid": f"uid-{place}", "generation": 0, **kept}
        for part in ("labels", "annotations"):
            if given := obj["metadata"].get(part) or kept.get(part):
                meta[part] = given
        meta |= {"generation": meta["generation"] + 1, "resourceVersion": str(next(self._versions))}
        self.objects[place] = {**copy.deepcopy(dict(obj)), "metadata": meta}
        if old and "status" in old:
            self.objects[place]["status"] = old["status"]

    def touch(self, obj: dict[str, Any]) -> None:
        """As the API server does with every write, of a status too."""
        obj["metadata"]["resourceVersion"] = str(next(self._versions))

    def find_one(self, kind: str) -> dict[str, Any]:
        """The only object of that kind."""
        (found,) = [o for (k, _, _), o in self.objects.items() if k == kind]
        return found

    def names(self, kind: str) -> list[str]:
        """Names of all objects of that kind."""
        return sorted(name for k, _, name in self.objects if k == kind)

    async def has_kind(self, kind: Kind) -> bool:
        return kind not in OPTIONAL or kind.kind in self.installed

    async def list(
        self, kind: Kind, namespace: str | None = None, **_: Any
    ) -> tuple[list[dict[str, Any]], str]:
        found = [copy.deepcopy(o) for (k, _, _), o in self.objects.items() if k == kind.kind]
        return found, "1"

    async def find(
        self, kind: Kind, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        return copy.deepcopy(self.objects.get((kind.kind, namespace or "", name)))

    async def server_side_apply(
        self,
        obj: dict[str, Any],
        field_manager: str,
        *,
        force: bool = True,
        subresource: str | None = None,
    ) -> dict[str, Any]:
        if obj["kind"] in self.refuse and subresource is None:
            raise Forbidden("PATCH", 403, "Forbidden", "exceeded quota: gpus")
        self.writes.append(f"{obj['kind']}/{subresource or ''}")
        place = self._place(obj)
        if subresource:
            self.objects[place][subresource] = copy.deepcopy(obj[subresource])
            self.objects[place]["metadata"]["resourceVersion"] = str(next(self._versions))
        else:
            self.put(obj)
        return copy.deepcopy(self.objects[place])

    async def create(self, obj: RawObject) -> dict[str, Any]:
        if self._place(obj) in self.objects:
            raise Conflict("POST", 409, "AlreadyExists", "exists already")
        self.put(obj)
        return copy.deepcopy(self.objects[self._place(obj)])

    async def replace(self, obj: RawObject) -> dict[str, Any]:
        known = self.objects.get(self._place(obj))
        if known is None:
            raise NotFound("PUT", 404, "NotFound", "no such object")
        if known["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
            raise Conflict("PUT", 409, "Conflict", "the object has been modified")
        self.put(obj)
        return copy.deepcopy(self.objects[self._place(obj)])

    async def delete(self, kind: Kind, name: str, namespace: str | None = None, **_: Any) -> bool:
        self.writes.append(f"{kind.kind}/delete")
        return self.objects.pop((kind.kind, namespace or "", name), None) is not None

    async def create_event(self, regarding: dict[str, Any], **told: Any) -> dict[str, Any]:
        self.events.append((told["type_"], told["reason"]))
        return {}

    @staticmethod
    def _place(obj: RawObject) -> Place:
        meta = obj["metadata"]
        return kind_of(obj).kind, meta.get("namespace", ""), meta["name"]


class FakePrometheus:
    """Answers every query with `rate` for every pod it is told of, or is down."""

    shown_url = "http://prometheus"

    def __init__(self) -> None:
        self.down = False
        self.asked = 0
        self.past: Callable[[float], float] | None = None
        self.series: Callable[[str, float], list[Sample]] = lambda _query, _at_s: []

    def idle(self, kube: FakeKube) -> None:
        """From now on every Ready pod is scraped, and none has traffic."""

        def series(promql: str, at_s: float) -> list[Sample]:
            if "summary" in promql:
                return []
            value = at_s if "timestamp(" in promql else 0.0
            return [
                Sample({"namespace": ns, "pod": name, "model": "digits"}, value, at_s)
                for kind, ns, name in kube.objects
                if kind == "Pod"
            ]

        self.series = series

    async def answer(self, promql: str, at_s: float) -> Answer:
        if self.down:
            problem: PrometheusError = PrometheusUnreachable(self.shown_url, "refused")
            raise problem
        return Answer(tuple(self.series(promql, at_s)))

    async def range(
        self, promql: str, start_s: float, end_s: float, step_s: float
    ) -> tuple[Series, ...]:
        """The past, as far as the story has one: the rate at each time, none failed or cached."""
        self.asked += 1
        if self.down:
            raise PrometheusUnreachable(self.shown_url, "refused")
        if self.past is None or "failure" in promql or "cache" in promql:
            return ()
        count = int((end_s - start_s) / step_s) + 1
        times = [start_s + i * step_s for i in range(count)]
        points = tuple((t, self.past(t)) for t in times)
        return (Series({"namespace": "shop", "model": "digits"}, points),)


class World:
    """A loop over the fakes, with a clock that the story moves."""

    def __init__(self, settings: Settings | None = None, kube: FakeKube | None = None) -> None:
        self.kube = kube or FakeKube()
        self.prometheus = FakePrometheus()
        self.now_s = 1_000_000.0
        settings = settings or Settings(prometheus=PrometheusSection(url="http://prometheus"))
        self.loop = Loop(settings, self.kube, self.prometheus, Caches(), Metrics())  # type: ignore[arg-type]
        self.kube.put(accelerator_class())
        self.kube.put(node())

    async def tick(self, *, after_s: float = 5.0) -> list[str]:
        """A full listing and one decision; returns what was written."""
        self.now_s += after_s
        before = len(self.kube.writes)
        await self.loop.sync()
        await self.loop.tick(self.now_s)
        return self.kube.writes[before:]

    def gathered(self) -> Gathered:
        """What a decision would see now, but for readings."""
        return gather(self.loop.caches, self.loop.actor.install)

    def run_pods(self) -> None:
        """The Deployment controller and the kubelet: as many Ready pods as are asked for."""
        for place in [p for p in self.kube.objects if p[0] == "Pod"]:
            del self.kube.objects[place]
        for (kind, namespace, name), deployment in list(self.kube.objects.items()):
            if kind != "Deployment":
                continue
            for i in range(deployment["spec"]["replicas"]):
                self.kube.put(pod(f"{name}-{i}", namespace, deployment, self.now_s))

    def run_pods_that_stay(self) -> None:
        """The same, where pods stay as they are and Deployments tell that they are rolled out."""
        for (kind, namespace, name), deployment in list(self.kube.objects.items()):
            if kind != "Deployment":
                continue
            replicas = deployment["spec"]["replicas"]
            for i in range(replicas):
                if ("Pod", namespace, f"{name}-{i}") not in self.kube.objects:
                    self.kube.put(pod(f"{name}-{i}", namespace, deployment, self.now_s))
            told = {
                "observedGeneration": deployment["metadata"]["generation"],
                "replicas": replicas,
                "updatedReplicas": replicas,
            }
            if deployment.get("status") != told:
                deployment["status"] = told
                self.kube.touch(deployment)

    def conditions(self, name: str = "digits") -> dict[str, tuple[str, str]]:
        """Status and reason of every condition of a ModelDeployment."""
        status = self.kube.objects["ModelDeployment", "shop", name].get("status") or {}
        return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions", ())}


def pod(name: str, namespace: str, deployment: dict[str, Any], at_s: float) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-12T13:00:10Z"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "creationTimestamp": "1970-01-12T13:00:00Z",
        },
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Running", "podIP": f"{name}.{namespace}", "conditions": [ready]},
    }


def node() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def accelerator_class(name: str = "cpu", price: str | None = "0.10") -> dict[str, Any]:
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": {
            "resources": {"cpu": "250m"},
            **({} if price is None else {"pricePerHour": price}),
        },
    }


def model_deployment(name: str = "digits", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "model": "digits",
            "slo": {"latency": {"percentile": 99, "target": "100ms"}},
            "triton": {"image": "triton:1"},
            "variants": [variant("int8")],
            **spec,
        },
    }


def variant(name: str, accuracy: str = "0.98", latency: str = "10ms") -> dict[str, Any]:
    return {
        "name": name,
        "accuracy": accuracy,
        "source": {"image": {"reference": "models:1", "path": f"digits/{name}"}},
        "acceleratorClasses": ["cpu"],
        "profile": [{"acceleratorClass": "cpu", "points": [{"batch": 1, "latency": latency}]}],
    }
