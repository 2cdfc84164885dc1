"""The whole loop over a cluster in which everybody writes: no tick fails, none breaks a rule, every
status that is written is valid, and a model that nobody touches is served as ever."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st

from tests.control.world import World, accelerator_class, model_deployment
from tests.core.rules import RULES, Scene
from tests.fuzz import cluster
from tests.fuzz.files import MESSAGE, SAMPLE
from tests.fuzz.schema import hold, status_schema
from tests.fuzz.target import Target
from tests.hostile import dirty_json, nearly, texts
from trimtab.control.gather import gather
from trimtab.control.settings import CompressSection, PrometheusSection, Settings
from trimtab.core.snapshot import Snapshot
from trimtab.observe.fleet import read_fleet
from trimtab.observe.prometheus import Sample

Object = dict[str, Any]
SETTINGS = Settings(
    prometheus=PrometheusSection(url="http://prometheus"), compress=CompressSection(image="c:1")
)
VALUES = st.sampled_from([0.0, 0.0, 1.0, 40.0, 3000.0, 1e-9, 1e14, -1.0, 1e308])
AFTER_S = st.sampled_from([1.0, 5.0, 5.0, 60.0, 400.0, 90_000.0])
SHARED = cluster.budget()


class Played:
    """A world, what a case does to it, and what must hold after every tick."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.world = World(SETTINGS)
        self.kube = self.world.kube
        self.world.prometheus.idle(self.kube)
        self.idle = self.world.prometheus.series
        self.kube.put(SHARED)
        for spec in data.draw(st.lists(st.sampled_from(cluster.SPECS), max_size=2)):
            self.kube.put(model_deployment("digits", **spec))
        self.kube.put(model_deployment(cluster.CANARY, model="canary"))

    def apply(self) -> None:
        """Somebody applies, edits or deletes a resource."""
        made = self.data.draw(
            st.one_of(
                cluster.models,
                cluster.classes.map(_of_others),
                cluster.budgets,
                cluster.keda,
                st.sampled_from(cluster.SPECS).map(lambda spec: model_deployment("digits", **spec)),
                st.sampled_from([accelerator_class(price=p) for p in (None, "0", "0.10", "9")]),
            )
        )
        self.kube.put(made)

    def lose(self) -> None:
        """Something vanishes."""
        found = [p for p in self.kube.objects if p[2] != cluster.CANARY and p[0] != "Node"]
        place = self.data.draw(st.sampled_from(sorted(found)))
        if place != ("AcceleratorClass", "", "cpu"):
            del self.kube.objects[place]

    def touch(self) -> None:
        """Somebody edits what the operator wrote, or what others hold in the cluster."""
        kinds = st.sampled_from(["Deployment", "ConfigMap", "Service", "Pod", "Node", "Job"])
        kind = self.data.draw(kinds)
        found = sorted(p for p in self.kube.objects if p[0] == kind)
        if not found:
            made = self.data.draw(cluster.builtin)
            if _is_taken(made):
                self.kube.put(made)
            return
        place = self.data.draw(st.sampled_from(found))
        if cluster.CANARY not in place[2]:
            obj = {"status": {}, **self.kube.objects[place]}
            edited = self.data.draw(cluster.named(obj, typed=True))
            if _is_taken(edited):
                self.kube.objects[place] = edited
                self.kube.touch(edited)
                if kind == "Deployment":
                    edited["spec"].setdefault("replicas", 1)  # as the API server does

    def scribble(self) -> None:
        """Somebody writes the status of a model."""
        place = ("ModelDeployment", cluster.NAMESPACE, "digits")
        found = self.kube.objects.get(place)
        if found is not None:
            status = st.sampled_from([found.get("status") or {}, cluster.STATUS])
            found["status"] = self.data.draw(nearly(status))
            self.kube.touch(found)

    def run(self) -> None:
        """Pods come up, some of them in trouble."""
        self.world.run_pods()
        for place in sorted(p for p in self.kube.objects if p[0] == "Pod"):
            how = self.data.draw(st.sampled_from(["well", "well", "starting", "leaving", "failed"]))
            obj = self.kube.objects[place]
            if how == "leaving":
                obj["metadata"]["deletionTimestamp"] = "1970-01-12T13:46:00Z"
            elif how != "well":
                obj["status"] = {"phase": "Failed" if how == "failed" else "Pending"}
            self.kube.touch(obj)

    def end_job(self) -> None:
        """The worker of a compression ends, with a message of whatever kind."""
        jobs = [o for (kind, _, _), o in self.kube.objects.items() if kind == "Job"]
        for job in jobs:
            ok = self.data.draw(st.booleans())
            kind = "Complete" if ok else "Failed"
            job["status"] = {"conditions": [{"type": kind, "status": "True"}]}
            self.kube.touch(job)
            text = self.data.draw(dirty_json(st.just(MESSAGE)) | texts.map(str.encode))
            worker = cluster.pod("digits", "worker", 0)
            worker["metadata"]["labels"] = {
                "batch.kubernetes.io/controller-uid": job["metadata"].get("uid", ""),
                "batch.kubernetes.io/job-completion-index": "0",
            }
            ended = {"exitCode": 0 if ok else 1, "message": text.decode("utf-8", "replace")}
            worker["status"]["containerStatuses"] = [
                {"name": "compress", "state": {"terminated": ended}}
            ]
            self.kube.put(worker)

    def read(self) -> None:
        """Prometheus goes, comes back, or says something else."""
        prometheus, data = self.world.prometheus, self.data
        prometheus.down = data.draw(st.sampled_from([False, False, True]))
        prometheus.past = data.draw(st.sampled_from([None, lambda _: 12.0, lambda _: 1e15]))
        drawn = data.draw(st.lists(VALUES, min_size=1, max_size=4))

        def series(promql: str, at_s: float) -> list[Sample]:
            fresh = "timestamp(" in promql
            value = at_s - drawn[0] if fresh else drawn[len(promql) % len(drawn)]
            return [
                Sample({**s.labels, "quantile": "0.99"}, value, at_s)
                for s in self.idle(promql if fresh else "rate", at_s)
            ]

        prometheus.series = data.draw(st.sampled_from([self.idle, series]))

    def sample(self) -> None:
        """The sample of the output check is written, by whatever hand."""
        text = self.data.draw(dirty_json(st.just(SAMPLE))).decode("utf-8", "replace")
        meta = {"name": "sample", "namespace": cluster.NAMESPACE}
        data = {"sample.json": text}
        self.kube.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})

    async def tick(self) -> None:
        """One decision, judged as the rules have it."""
        world, loop = self.world, self.world.loop
        world.now_s += self.data.draw(AFTER_S)
        await loop.sync()
        snapshot, memory = await self._seen(), loop.memory
        recalled = loop._recall_at_s <= world.now_s
        before = self._versions()
        plan = await loop.tick(world.now_s)
        scene = Scene(snapshot, memory, world.now_s)
        for rule in RULES:
            rule(scene)
        if not recalled:
            assert plan == scene.plan
        assert _errors(world, "Bug") == 0.0, "something failed that nobody had thought of"
        for place, version in self._versions().items():
            obj = self.kube.objects[place]
            # What somebody scribbled beside a status that says all there is to say stays there.
            if version != before.get(place):
                hold(status_schema(), obj["status"])
            if obj["metadata"].get("deletionTimestamp") is None:
                assert {c["type"] for c in obj["status"]["conditions"]} >= {"Ready", "Stalled"}
        assert world.conditions(cluster.CANARY)["Stalled"][0] == "False"

    def _versions(self) -> dict[tuple[str, str, str], str]:
        """Of every ModelDeployment, by its place."""
        found = [item for item in self.kube.objects.items() if item[0][0] == "ModelDeployment"]
        return {place: obj["metadata"]["resourceVersion"] for place, obj in found}

    async def _seen(self) -> Snapshot:
        """What the tick is about to see."""
        loop = self.world.loop
        gathered = gather(loop.caches, loop.actor.install)
        reading = loop.settings.reading()
        return gathered.with_readings(
            await read_fleet(
                self.world.prometheus, reading, gathered.snapshot.models, self.world.now_s
            )
        )


def _of_others(obj: Object) -> Object:
    """A class that the untouched model does not run on."""
    return {**obj, "metadata": {**obj["metadata"], "name": "theirs"}}


def _is_taken(obj: Object) -> bool:
    """Whether the API server has it: a Deployment without a pod's labels has nothing to make pods
    of."""
    if obj["kind"] != "Deployment":
        return True
    template = (obj.get("spec") or {}).get("template") or {}
    return bool((template.get("metadata") or {}).get("labels"))


def _errors(world: World, reason: str) -> float:
    return world.loop.metrics.errors.labels("trimtab", reason)._value.get()  # type: ignore[no-any-return]


ACTIONS = ("apply", "apply", "lose", "touch", "scribble", "run", "run", "end_job", "read", "sample")


def check(data: st.DataObject) -> None:
    """Up to six ticks; before each of them up to three hands at work."""

    async def story() -> None:
        played = Played(data)
        await played.tick()
        for _ in range(data.draw(st.integers(1, 5))):
            for action in data.draw(st.lists(st.sampled_from(ACTIONS), max_size=3)):
                getattr(played, action)()
            await played.tick()

    asyncio.run(story())


TARGETS = (Target("loop", st.data(), check, share=2, few=2, batch=50),)
