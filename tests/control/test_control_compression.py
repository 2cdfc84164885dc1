"""A compression's story over fakes: its Job, its end in the status, and the variants it adds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.control.world import World, model_deployment, variant
from trimtab.control.compression import compression_status, read_compression
from trimtab.control.settings import CompressSection, PrometheusSection, Settings
from trimtab.core.compression import Compressed

COMPRESSION: dict[str, Any] = {
    "source": {"image": {"reference": "sources:1"}},
    "model": "digits/to_compress.py",
    "acceleratorClass": "cpu",
    "output": {"claimName": "models"},
}
FAST = {"name": "fast", "accuracy": "0.99", "us": [[1, 1000]]}


@pytest.fixture
def world() -> World:
    settings = Settings(
        prometheus=PrometheusSection(url="http://prometheus"),
        compress=CompressSection(image="trimtab-compress:1"),
    )
    made = World(settings)
    made.prometheus.idle(made.kube)
    return made


def compressed(**changes: Any) -> dict[str, Any]:
    return model_deployment(
        variants=[variant("fp32", latency="150ms")], compression={**COMPRESSION, **changes}
    )


def end_job(world: World, message: dict[str, Any], *, ok: bool = True) -> None:
    """The Job controller and the kubelet: the first worker's end, and the Job's."""
    job = world.kube.find_one("Job")
    kind = "Complete" if ok else "Failed"
    job["status"] = {"conditions": [{"type": kind, "status": "True", "reason": "Ended"}]}
    world.kube.touch(job)
    world.kube.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{job['metadata']['name']}-0",
                "namespace": "shop",
                "labels": {
                    "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
                    "batch.kubernetes.io/job-completion-index": "0",
                },
                "creationTimestamp": "1970-01-12T13:00:00Z",
            },
            "spec": {"containers": []},
            "status": {
                "phase": "Succeeded" if ok else "Failed",
                "containerStatuses": [
                    {
                        "name": "compress",
                        "state": {
                            "terminated": {
                                "exitCode": 0 if ok else 1,
                                "message": json.dumps(message),
                                "finishedAt": "1970-01-12T14:00:00Z",
                            }
                        },
                    }
                ],
            },
        }
    )


def lose(world: World, kind: str) -> None:
    for place in [p for p in world.kube.objects if p[0] == kind]:
        del world.kube.objects[place]


def state(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.kube.find_one("ModelDeployment")["status"]["compression"]
    return found


async def settle(world: World) -> None:
    """Pods come and go as they are asked for, but for the compression's."""
    for _ in range(3):
        job_pods = {k: v for k, v in world.kube.objects.items() if "compress" in k[2]}
        world.run_pods()
        world.kube.objects |= job_pods
        await world.tick(after_s=120.0)


async def test_a_job_that_nobody_had_thought_of_stops_no_serving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprised(*_: object) -> None:
        raise KeyError("metadata")

    monkeypatch.setattr("trimtab.control.gather.job_seen", surprised)
    world.kube.put(compressed())
    await world.tick()
    assert world.kube.names("Deployment") == ["digits-fp32-cpu"]
    assert not world.kube.names("Job")


async def test_a_published_variant_serves_without_an_edit(world: World) -> None:
    world.kube.put(compressed())
    await world.tick()
    assert state(world)["phase"] == "Pending"
    assert world.kube.names("Deployment") == ["digits-fp32-cpu"]
    await world.tick()
    assert world.conditions()["CompressionSucceeded"] == ("Unknown", "Waiting")  # for pods
    end_job(world, {"model": "digits", "published": [FAST], "refused": ["int8"]})
    await settle(world)
    assert world.conditions()["CompressionSucceeded"] == ("True", "Published")
    assert ("Normal", "Published") in world.kube.events
    assert "digits-fast-cpu" in world.kube.names("Deployment")
    serving = world.kube.objects["Deployment", "shop", "digits-fast-cpu"]
    claims = [
        v["persistentVolumeClaim"]
        for v in serving["spec"]["template"]["spec"]["volumes"]
        if "persistentVolumeClaim" in v
    ]
    assert claims == [{"claimName": "models", "readOnly": True}]


async def test_a_settled_compression_writes_nothing_and_survives_job_and_operator(
    world: World,
) -> None:
    world.kube.put(compressed())
    await world.tick()
    end_job(world, {"model": "digits", "published": [FAST]})
    await settle(world)
    lose(world, "Job")
    lose(world, "Pod")
    anew = World(world.loop.settings)
    anew.kube, anew.now_s, anew.prometheus = world.kube, world.now_s, world.prometheus
    anew.loop.kube = anew.loop.actor._kube = world.kube  # type: ignore[assignment]
    await settle(anew)
    assert world.kube.names("Job") == []
    assert "digits-fast-cpu" in world.kube.names("Deployment")
    assert await anew.tick(after_s=120.0) == []


async def test_a_failure_leaves_serving_alone_and_says_why_once(world: World) -> None:
    world.kube.put(compressed())
    await world.tick()
    before = world.kube.names("Deployment")
    end_job(world, {"error": "to_compress.py: train() failed"}, ok=False)
    await settle(world)
    assert world.conditions()["CompressionSucceeded"] == ("False", "CompressFailed")
    assert "train() failed" in state(world)["message"]
    assert world.kube.events.count(("Warning", "CompressFailed")) == 1
    assert world.kube.names("Deployment") == before
    assert world.conditions()["Ready"] == ("True", "Serving")


async def test_another_spec_replaces_the_job_and_an_edit_elsewhere_does_not(world: World) -> None:
    world.kube.put(compressed())
    await world.tick()
    first = world.kube.names("Job")
    world.kube.put({**compressed(), "spec": {**compressed()["spec"], "priority": 3}})
    await world.tick()
    assert world.kube.names("Job") == first
    world.kube.put(compressed(attempt=1))
    await world.tick()
    (second,) = world.kube.names("Job")
    assert second != first[0]


async def test_without_the_field_its_job_and_its_variants_go(world: World) -> None:
    world.kube.put(compressed(workers=2))
    await world.tick()
    assert len(world.kube.names("Service")) == 3
    end_job(world, {"model": "digits", "published": [FAST]})
    await settle(world)
    assert len(world.kube.names("Service")) == 2, "no worker is left to be found"
    world.kube.put(model_deployment(variants=[variant("fp32", latency="150ms")]))
    await settle(world)
    await settle(world)
    assert world.kube.names("Job") == []
    assert world.kube.names("Deployment") == ["digits-fp32-cpu"]
    assert "CompressionSucceeded" not in world.conditions()


async def test_a_refused_job_is_the_compressions_trouble_alone(world: World) -> None:
    world.kube.refuse = {"Job"}
    world.kube.put(compressed())
    await world.tick()
    assert world.conditions()["CompressionSucceeded"] == ("False", "ApplyRefused")
    assert world.conditions()["Stalled"] == ("False", "Progressing")
    assert world.kube.names("Deployment") == ["digits-fp32-cpu"]
    world.kube.refuse = set()
    await world.tick()
    assert len(world.kube.names("Job")) == 1


async def test_advise_runs_no_job(world: World) -> None:
    manifest = compressed()
    manifest["spec"]["scaling"] = {"mode": "Advise"}
    world.kube.put(manifest)
    assert set(await world.tick()) == {"ModelDeployment/status"}
    assert world.conditions()["CompressionSucceeded"] == ("Unknown", "NotActing")


async def test_an_install_without_an_image_says_so() -> None:
    world = World()
    world.kube.put(compressed())
    await world.tick()
    assert world.conditions()["CompressionSucceeded"] == ("False", "NoCompressImage")
    assert world.kube.names("Job") == []


async def test_the_status_is_read_back_as_it_was_written(world: World) -> None:
    world.kube.put(compressed())
    await world.tick()
    end_job(world, {"model": "digits", "published": [FAST]})
    await world.tick()
    written = world.kube.find_one("ModelDeployment")["status"]
    read = read_compression(written)
    assert isinstance(read, Compressed)
    assert compression_status(read) == written["compression"]


@pytest.mark.parametrize(
    "found",
    [
        *(None, {}, {"phase": "Dreaming"}, {"phase": "Failed"}),
        # A condition without a reason is refused by the API server, and with it the whole status.
        {"phase": "Succeeded", "reason": "", "message": "", "sourceHash": "a"},
    ],
)
def test_a_status_that_cannot_be_read_is_none(found: Any) -> None:
    assert read_compression({"compression": found}) is None


def test_a_variant_that_no_job_published_is_not_read_from_a_status() -> None:
    """What is published lies in a claim; of another source the next status could not be written."""
    published = {
        "name": "fast",
        "accuracy": "0.97",
        "source": {"image": {"reference": "theirs:1"}},
        "acceleratorClasses": ["cpu"],
    }
    status = {"phase": "Succeeded", "reason": "Published", "message": "", "sourceHash": "a"}
    assert read_compression({"compression": {**status, "variants": [published]}}) is None


def test_a_variant_at_the_root_of_its_volume_is_written_as_it_was_read() -> None:
    """With an empty path the API server refuses the whole status."""
    published = {
        "name": "fast",
        "accuracy": "0.97",
        "source": {"persistentVolumeClaim": {"claimName": "models"}},
        "acceleratorClasses": ["cpu"],
    }
    status = {"phase": "Succeeded", "reason": "Published", "message": "", "sourceHash": "a"}
    found = read_compression({"compression": {**status, "variants": [published]}})
    assert found is not None
    assert compression_status(found) == {**status, "variants": [published]}
