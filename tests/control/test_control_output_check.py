"""An output check's story: a cluster in a dictionary, and pods that answer over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.control.world import World, model_deployment, variant
from trimtab.actuate.client_errors import Unavailable
from trimtab.control.agreements import read_agreements
from trimtab.control.caches import Caches
from trimtab.control.gather import gather
from trimtab.control.loop import Loop
from trimtab.control.metrics import Metrics
from trimtab.control.output_check import Checker
from trimtab.observe.asker import Asker, open_asker

ITEMS = 4
CHECK: dict[str, Any] = {"sample": {"configMap": {"name": "digits-sample"}}}
SAMPLE: dict[str, Any] = {
    "inputs": [{"name": "x", "datatype": "INT32", "shape": [ITEMS, 1], "data": [0, 1, 2, 3]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [ITEMS, 2], "data": [1.0, 0.0] * ITEMS}],
}


class Served(World):
    """The world with pods that answer. `wrong`: the variants whose answers are."""

    def __init__(self) -> None:
        super().__init__()
        self.prometheus.idle(self.kube)
        self.wrong: set[str] = set()
        self.asked: list[str] = []
        self.status = 200

    def begin(self, asker: Asker, port: int) -> None:
        """A new operator: nothing but the cluster is left."""
        kube: Any = self.kube
        loop = self.loop = Loop(
            self.loop.settings, kube, self.prometheus, Caches(), Metrics(), asker=asker
        )
        loop.checker = Checker(kube, loop.caches, asker, port, loop.wake)

    def run_pods(self) -> None:
        """All Ready, of the newest template, and at the address of this process."""
        super().run_pods()
        for (kind, _, _), obj in self.kube.objects.items():
            if kind == "Pod":
                obj["status"]["podIP"] = "127.0.0.1"
            if kind == "Deployment":
                replicas = obj["spec"]["replicas"]
                obj["status"] = {
                    "observedGeneration": obj["metadata"]["generation"],
                    "replicas": replicas,
                    "updatedReplicas": replicas,
                }
                self.kube.touch(obj)

    async def answer(self, request: web.Request) -> web.Response:
        """Every pod has this address: a model runs one variant until it is judged."""
        running = {
            o["metadata"]["labels"]["trimtab.dev/variant"]
            for (kind, _, _), o in self.kube.objects.items()
            if kind == "Deployment" and o["spec"]["replicas"]
        }
        self.asked.append(",".join(sorted(running)))
        values = [0.0, 1.0] if running & self.wrong else [1.0, 0.0]
        return web.json_response({"outputs": [{"name": "y", "data": values}]}, status=self.status)

    async def go_on(self, ticks: int = 6, *, after_s: float = 5.0) -> None:
        """Ticks with pods that follow at once, and whatever was started done after each."""
        assert self.loop.checker is not None
        for _ in range(ticks):
            await self.tick(after_s=after_s)
            await self.loop.checker.settle()
            self.run_pods()

    def put_sample(self, **changes: Any) -> None:
        self.kube.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "digits-sample", "namespace": "shop"},
                "data": {"sample.json": json.dumps({**SAMPLE, **changes})},
            }
        )

    def running(self) -> set[str]:
        """The variants that run."""
        status = self.kube.objects["ModelDeployment", "shop", "digits"]["status"]
        return {v["name"] for v in status["variants"]}

    def why_not(self, variant: str) -> str:
        """Why it was not taken."""
        decision = self.kube.objects["ModelDeployment", "shop", "digits"]["status"]["decision"]
        (found,) = (a["whyNot"] for a in decision["alternatives"] if a["variant"] == variant)
        return str(found)

    def message(self) -> str:
        status = self.kube.objects["ModelDeployment", "shop", "digits"]["status"]
        (found,) = (c["message"] for c in status["conditions"] if c["type"] == "OutputsAgree")
        return str(found)


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    world = Served()
    app = web.Application()
    app.router.add_post("/v2/models/digits/infer", world.answer)
    async with TestServer(app, host="127.0.0.1") as server, open_asker() as asker:
        world.begin(asker, server.port or 0)
        yield world


@pytest.fixture
async def world() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


def checked(**check: Any) -> dict[str, Any]:
    """int8 is as good on paper, and faster."""
    variants = [variant("fp32", latency="30ms"), variant("int8", latency="10ms")]
    return model_deployment(variants=variants, outputCheck={**CHECK, **check})


async def test_right_answers_are_told_once(world: Served) -> None:
    world.put_sample()
    world.kube.put(checked())
    await world.go_on()
    assert world.conditions()["OutputsAgree"] == ("True", "OutputsAgree")
    assert "int8 on cpu agrees with the reference on 100.0 % of 4 samples" in world.message()
    assert len(world.asked) == ITEMS
    assert ("Normal", "OutputsAgree") in world.kube.events


async def test_wrong_answers_bring_the_other_variant_and_an_event(world: Served) -> None:
    world.put_sample()
    world.wrong = {"int8"}
    world.kube.put(checked())
    await world.go_on(3)
    assert world.conditions()["OutputsAgree"] == ("False", "OutputsDisagree")
    assert ("Warning", "OutputsDisagree") in world.kube.events
    world.wrong = set()
    await world.go_on(20)
    assert world.running() == {"fp32"}
    assert world.conditions()["OutputsAgree"] == ("True", "VariantLeftOut")
    assert world.why_not("int8") == "agrees with the reference on 0.0 % of 4 samples, 98 % asked"


async def test_a_wrong_answer_is_asked_for_twice(world: Served) -> None:
    """One bad moment of one pod is no reason to leave a variant out for good."""
    world.put_sample()
    world.wrong = {"int8"}
    world.kube.put(checked())
    await world.tick()
    world.run_pods()
    assert world.loop.checker is not None
    for _ in range(2):
        await world.tick()
        await world.loop.checker.settle()
    assert len(world.asked) == 2 * ITEMS


async def test_an_operator_that_begins_anew_remembers_it() -> None:
    async with served() as world:
        world.put_sample()
        world.wrong = {"int8"}
        world.kube.put(checked())
        await world.go_on(3)
        world.wrong = set()
        await world.go_on(20)
        assert world.running() == {"fp32"}
        asked = len(world.asked)
        async with open_asker() as asker:
            world.begin(asker, 1)  # an operator that reaches no pod
            await world.go_on(20)
        assert world.running() == {"fp32"}
        assert len(world.asked) == asked
        assert "agrees with the reference on 0.0 %" in world.why_not("int8")


async def test_a_sample_that_is_not_there_changes_nothing(world: Served) -> None:
    world.kube.put(checked())
    await world.go_on()
    assert world.conditions()["OutputsAgree"] == ("Unknown", "SampleMissing")
    assert "kubectl create configmap" in world.message()
    assert world.conditions()["Ready"][0] == "True"
    assert world.running() == {"int8"}
    world.put_sample()
    await world.go_on(3, after_s=60.0)
    assert world.conditions()["OutputsAgree"] == ("True", "OutputsAgree")


async def test_a_sample_that_is_none_is_told(world: Served) -> None:
    world.put_sample(outputs=[])
    world.kube.put(checked())
    await world.go_on()
    assert world.conditions()["OutputsAgree"] == ("Unknown", "SampleInvalid")
    assert "sample.json of ConfigMap shop/digits-sample" in world.message()


async def test_a_pod_that_gives_no_answer_is_unknown(world: Served) -> None:
    world.put_sample()
    world.status = 503
    world.kube.put(checked())
    await world.go_on()
    assert world.conditions()["OutputsAgree"] == ("Unknown", "PodBusy")
    assert world.running() == {"int8"}
    assert len(world.asked) == 1  # and it is left alone for a while
    world.status = 200
    await world.go_on(3, after_s=60.0)
    assert world.conditions()["OutputsAgree"] == ("True", "OutputsAgree")


async def test_another_sample_gives_a_new_chance(world: Served) -> None:
    """The first one may have been wrong itself."""
    world.put_sample()
    world.wrong = {"int8"}
    world.kube.put(checked())
    await world.go_on(3)
    world.wrong = set()
    await world.go_on(20)
    assert world.running() == {"fp32"}
    world.put_sample(version=1)
    await world.go_on(3, after_s=60.0)
    status = world.kube.objects["ModelDeployment", "shop", "digits"]["status"]
    assert {a.key.variant for a in read_agreements(status)} == {"fp32"}


async def test_what_serves_is_asked_again_after_the_interval(world: Served) -> None:
    world.put_sample()
    world.kube.put(checked(interval="5m"))
    await world.go_on()
    await world.go_on(3, after_s=60.0)
    assert len(world.asked) == ITEMS
    await world.go_on(3, after_s=60.0)
    assert len(world.asked) == 2 * ITEMS


async def test_an_api_server_that_is_away_takes_no_verdict_back(world: Served) -> None:
    world.put_sample()
    world.kube.put(checked())
    await world.go_on()

    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("GET", 503, "Unknown", "the server is away")

    world.kube.find = away  # type: ignore[method-assign]
    await world.go_on(2, after_s=60.0)
    assert world.conditions()["OutputsAgree"] == ("Unknown", "SampleUnreadable")
    status = world.kube.objects["ModelDeployment", "shop", "digits"]["status"]
    assert len(read_agreements(status)) == 1
    await world.go_on(2, after_s=600.0)
    assert len(world.asked) > ITEMS, "what was read before is asked"


async def test_who_asks_for_no_check_is_not_asked(world: Served) -> None:
    world.put_sample()
    world.kube.put(checked())
    await world.go_on()
    world.kube.put(model_deployment(variants=[variant("int8", latency="10ms")]))
    asked = len(world.asked)
    await world.go_on(3, after_s=600.0)
    status = world.kube.objects["ModelDeployment", "shop", "digits"]["status"]
    assert "OutputsAgree" not in world.conditions()
    assert "outputCheck" not in status
    assert len(world.asked) == asked


async def test_closing_gives_up_what_has_not_even_begun(world: Served) -> None:
    world.kube.put(checked())
    await world.loop.sync()
    checker = world.loop.checker
    assert checker is not None
    checker.start_due(checker.noted(gather(world.loop.caches).snapshot, 0.0), 0.0)
    async with asyncio.timeout(1.0):
        await world.loop.close()
