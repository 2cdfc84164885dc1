"""A ModelDeployment at each turn of its life, with the status that the loop wrote.

What Argo CD and Flux are shown in the tests is taken from here and not typed: a status that
trimtab would never write proves nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.control.scraped import Scraped
from tests.control.world import World, accelerator_class, model_deployment, variant
from trimtab.observe.prometheus import Sample

Object = dict[str, Any]
Turn = Callable[[World], Awaitable[None]]

TURNS: dict[str, Turn] = {}
"""By the name of the file that shows it."""


async def at(turn: str) -> Object:
    """The object at that turn, with what health is told from: generations and conditions."""
    world = World()
    await TURNS[turn](world)
    found = world.kube.find_one("ModelDeployment")
    meta = {key: found["metadata"][key] for key in ("name", "namespace", "generation")}
    shown: Object = {**found, "metadata": meta}
    status = shown.pop("status", None)
    if status is not None:
        kept = ("observedGeneration", "conditions")
        shown["status"] = {key: status[key] for key in kept}
    return shown


def turn(tell: Turn) -> Turn:
    """Names a turn after its function."""
    TURNS[tell.__name__.replace("_", "-")] = tell
    return tell


async def served(world: World, **spec: Any) -> None:
    """A model whose pods are Ready and scraped."""
    world.prometheus.idle(world.kube)
    world.kube.put(model_deployment(**spec))
    await world.tick()
    world.run_pods()
    await world.tick()
    await world.tick()


def wait_in(world: World, name: str, reason: str) -> None:
    """A pod whose container waits, as the kubelet tells it."""
    pod = world.kube.objects["Pod", "shop", name]
    pod["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"state": {"waiting": {"reason": reason}}}],
    }
    world.kube.touch(pod)


@turn
async def not_seen_yet(world: World) -> None:
    world.kube.put(model_deployment())


@turn
async def created(world: World) -> None:
    world.kube.put(model_deployment())
    await world.tick()


@turn
async def starting(world: World) -> None:
    await created(world)
    await world.tick()


@turn
async def serving(world: World) -> None:
    await served(world)


@turn
async def changed(world: World) -> None:
    await served(world)
    world.kube.put(model_deployment(scaling={"minReplicas": 2}))


@turn
async def scaling(world: World) -> None:
    await changed(world)
    await world.tick()
    await world.tick()


@turn
async def image_changed(world: World) -> None:
    """The tick that writes the new template: no new pod is there yet."""
    world.prometheus.idle(world.kube)
    world.kube.put(model_deployment())
    await world.tick()
    world.run_pods_that_stay()
    await world.tick()
    await world.tick()
    world.kube.put(model_deployment(triton={"image": "triton:2"}))
    await world.tick()


@turn
async def scaled(world: World) -> None:
    await scaling(world)
    world.run_pods()
    await world.tick()
    await world.tick()


@turn
async def late(world: World) -> None:
    """Half a second where 100 ms are promised, and no more replicas are allowed."""
    world.kube.put(model_deployment(scaling={"minReplicas": 1, "maxReplicas": 1}))
    await world.tick()
    world.run_pods()
    scraped = Scraped(world.kube, lambda _: 60.0, world.now_s)

    def series(promql: str, at_s: float) -> list[Sample]:
        if "summary_us" not in promql:
            return scraped.series(promql, at_s)
        labels = {"namespace": "shop", "pod": "digits-int8-cpu-0", "model": "digits"}
        labels["quantile"] = "0.99"
        return [Sample(labels, 500_000.0, at_s)]

    world.prometheus.series = series
    for _ in range(12):
        scraped.now_s = world.now_s + 5.0
        await world.tick()


@turn
async def without_metrics(world: World) -> None:
    await served(world)
    world.prometheus.down = True
    await world.tick(after_s=120.0)


@turn
async def pods_waiting(world: World) -> None:
    await created(world)
    world.run_pods()
    wait_in(world, "digits-int8-cpu-0", "ImagePullBackOff")
    await world.tick()


@turn
async def rollout_that_does_not_end(world: World) -> None:
    await served(world)
    deployment = world.kube.find_one("Deployment")
    world.kube.put({**world.kube.find_one("Pod"), "metadata": _beside(world, deployment)})
    wait_in(world, "digits-int8-cpu-new", "CrashLoopBackOff")
    await world.tick()


def _beside(world: World, deployment: Object) -> Object:
    meta = world.kube.find_one("Pod")["metadata"]
    kept = ("namespace", "labels", "creationTimestamp")
    return {"name": "digits-int8-cpu-new", **{key: meta[key] for key in kept}}


@turn
async def no_price(world: World) -> None:
    world.kube.put(accelerator_class(price=None))
    world.kube.put(model_deployment())
    await world.tick()
    await world.tick()


@turn
async def invalid_spec(world: World) -> None:
    await served(world)
    world.kube.put(model_deployment(slo={"latency": {"percentile": 101, "target": "1s"}}))
    await world.tick()


@turn
async def invalid_from_the_start(world: World) -> None:
    world.kube.put(model_deployment(slo={"latency": {"percentile": 101, "target": "1s"}}))
    await world.tick()


@turn
async def refused(world: World) -> None:
    world.kube.refuse = {"Deployment"}
    world.kube.put(model_deployment())
    await world.tick()


@turn
async def class_missing(world: World) -> None:
    absent = {**variant("int8"), "acceleratorClasses": ["tpu"], "profile": []}
    world.kube.put(model_deployment(variants=[absent]))
    await world.tick()


@turn
async def advised(world: World) -> None:
    world.kube.put(model_deployment(scaling={"mode": "Advise"}))
    await world.tick()
    await world.tick()


def by_hand(replicas: int) -> Object:
    """Mode Manual."""
    manual = {"variant": "int8", "acceleratorClass": "cpu", "replicas": replicas}
    return {"mode": "Manual", "manual": manual}


@turn
async def manual(world: World) -> None:
    await served(world, scaling=by_hand(2))


@turn
async def manual_none(world: World) -> None:
    world.kube.put(model_deployment(scaling=by_hand(0)))
    await world.tick()
    await world.tick()
