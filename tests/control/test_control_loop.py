"""The loop over fakes: what is written, when, and what one model's trouble does to another."""

from __future__ import annotations

import pytest

from tests.control.scrape import scraped
from tests.control.world import World, accelerator_class, model_deployment, variant
from trimtab.actuate.silence import Silence
from trimtab.observe.errors import PrometheusQueryError
from trimtab.observe.prometheus import Sample


@pytest.fixture
def world() -> World:
    return World()


async def test_a_model_gets_its_children_and_a_settled_fleet_no_writes(world: World) -> None:
    world.kube.put(model_deployment())
    written = await world.tick()
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]
    assert world.kube.names("Service") == ["digits", "digits-headless"]
    assert "ModelDeployment/status" in written
    assert ("Normal", "Start") in world.kube.events
    world.run_pods()
    await world.tick()
    await world.tick(after_s=120.0)
    for _ in range(5):
        assert await world.tick(after_s=120.0) == []
    assert world.conditions()["Ready"] == ("True", "Serving")


async def test_a_lost_prometheus_is_told_and_changes_no_replica(world: World) -> None:
    world.kube.put(model_deployment(scaling={"minReplicas": 2, "maxReplicas": 4}))
    await world.tick()
    world.run_pods()
    await world.tick()
    world.prometheus.down = True
    for _ in range(40):
        await world.tick()
        assert world.kube.find_one("Deployment")["spec"]["replicas"] == 2
    assert world.conditions()["MetricsAvailable"] == ("False", "PrometheusUnreachable")


async def test_a_users_own_query_that_is_refused_is_counted_as_an_error(world: World) -> None:
    """Although the arrival rate, which is trimtab's own query, is read."""
    source = {"type": "PromQL", "query": "mine"}
    world.kube.put(model_deployment(latencySource=source))
    await world.tick()
    world.run_pods()
    world.prometheus.idle(world.kube)
    idle = world.prometheus.series

    def series(promql: str, at_s: float) -> list[Sample]:
        if promql == "mine":
            raise PrometheusQueryError(world.prometheus.shown_url, "bad_data", "parse error")
        return idle(promql, at_s)

    world.prometheus.series = series
    await world.tick()
    assert world.conditions()["MetricsAvailable"] == ("True", "NoTraffic")
    labels = 'reason="PrometheusQueryError",side="prometheus"'
    text = scraped(world.loop.metrics)
    assert f"trimtab_errors_total{{{labels}}} 1.0" in text


async def test_nothing_shrinks_right_after_the_api_server_gave_no_answer(world: World) -> None:
    """Nodes may hear later of what leaves than those that delete it, and send requests there."""
    clock_s = 50.0
    world.loop.silence = Silence(lambda: clock_s)
    world.prometheus.idle(world.kube)
    shrinking = {"maxReplicas": 4, "scaleDown": {"stabilization": "5s"}}
    world.kube.put(model_deployment(scaling={"minReplicas": 3, **shrinking}))
    for _ in range(4):
        await world.tick()
        world.run_pods_that_stay()
    world.loop.silence.note()
    world.kube.put(model_deployment(scaling={"minReplicas": 1, **shrinking}))
    asked = []
    for _ in range(14):
        clock_s += 5.0
        await world.tick()
        asked.append(world.kube.find_one("Deployment")["spec"]["replicas"])
    assert (asked[:11], asked[-1] < 3) == ([3] * 11, True), asked


async def test_a_model_that_cannot_be_read_stalls_alone(world: World) -> None:
    # An older CRD let it in: the API server of today would not.
    world.kube.put(model_deployment("broken", slo={"latency": {"percentile": 101, "target": "1s"}}))
    world.kube.put(model_deployment())
    await world.tick()
    assert world.conditions("broken")["Stalled"] == ("True", "InvalidSpec")
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]


async def test_what_the_api_server_refuses_is_said_and_tried_again(world: World) -> None:
    world.kube.put(model_deployment())
    world.kube.refuse = {"Deployment"}
    await world.tick()
    assert world.conditions()["Stalled"] == ("True", "ApplyRefused")
    # Who waits for the end of Reconciling (Flux) would wait for ever.
    assert world.conditions()["Reconciling"] == ("False", "ApplyRefused")
    world.kube.refuse = set()
    await world.tick()
    assert world.conditions()["Stalled"] == ("False", "Progressing")
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]


async def test_a_new_image_is_on_its_way_from_the_write_to_the_last_new_pod(world: World) -> None:
    """Between the two all pods are Ready and as many as planned: who waits for the new image would
    go on."""
    world.prometheus.idle(world.kube)
    world.kube.put(model_deployment())
    await world.tick()
    world.run_pods_that_stay()
    await world.tick()
    assert world.conditions()["Reconciling"] == ("False", "Settled")
    world.kube.put(model_deployment(triton={"image": "triton:2"}))
    await world.tick()
    assert world.conditions()["Reconciling"] == ("True", "RollingOut")
    await world.tick()
    assert world.conditions()["Reconciling"] == ("True", "RollingOut")
    world.run_pods_that_stay()
    await world.tick()
    assert world.conditions()["Reconciling"] == ("False", "Settled")


async def test_a_taken_name_is_left_alone(world: World) -> None:
    world.kube.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "digits", "namespace": "shop", "uid": "somebody"},
            "spec": {},
        }
    )
    world.kube.put(model_deployment())
    await world.tick()
    assert world.conditions()["Stalled"] == ("True", "NameTaken")
    assert world.kube.objects["Service", "shop", "digits"]["spec"] == {}


async def test_advise_mode_writes_status_alone(world: World) -> None:
    world.kube.put(model_deployment(scaling={"mode": "Advise"}))
    written = await world.tick()
    assert set(written) == {"ModelDeployment/status"}
    assert world.kube.names("Deployment") == []


async def test_a_removed_variant_serves_until_its_successor_is_ready(world: World) -> None:
    world.prometheus.idle(world.kube)
    world.kube.put(model_deployment(variants=[variant("fp32")]))
    await world.tick()
    world.run_pods()
    await world.tick()
    world.kube.put(model_deployment(variants=[variant("int8")]))
    await world.tick()
    assert world.kube.names("Deployment") == ["digits-fp32-cpu", "digits-int8-cpu"]
    assert "digits-fp32-cpu" in world.kube.names("ConfigMap")
    world.run_pods()
    await world.tick()  # scaled to nothing
    world.run_pods()
    await world.tick()  # and removed
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]
    assert world.kube.names("ConfigMap") == ["digits-int8-cpu"]


async def test_an_unknown_price_is_told_and_nothing_grows_on_it(world: World) -> None:
    world.kube.put(accelerator_class(price=None))
    world.kube.put(model_deployment())
    await world.tick()
    assert world.conditions()["WithinBudget"] == ("Unknown", "PriceUnknown")
    assert world.kube.find_one("Deployment")["spec"]["replicas"] == 0


async def test_a_missing_class_is_named(world: World) -> None:
    absent = {**variant("int8"), "acceleratorClasses": ["tpu"], "profile": []}
    world.kube.put(model_deployment(variants=[absent]))
    await world.tick()
    assert world.conditions()["Stalled"] == ("True", "NoVariantMayRun")
    status = world.kube.find_one("ModelDeployment")["status"]
    assert "AcceleratorClass 'tpu' does not exist" in status["conditions"][2]["message"]


async def test_metrics_of_a_model_go_with_it(world: World) -> None:
    world.kube.put(model_deployment())
    await world.tick()
    assert 'modeldeployment="digits"' in scraped(world.loop.metrics)
    del world.kube.objects["ModelDeployment", "shop", "digits"]
    await world.tick()
    assert 'modeldeployment="digits"' not in scraped(world.loop.metrics)


async def test_a_status_that_somebody_else_wrote_stops_no_other_model(world: World) -> None:
    broken = model_deployment("broken", slo={"latency": {"percentile": 101, "target": "1s"}})
    world.kube.put({**broken, "status": {"conditions": [{"type": "Ready"}], "replicas": "two"}})
    world.kube.put(model_deployment())
    await world.tick()
    assert world.conditions("broken")["Stalled"] == ("True", "InvalidSpec")
    assert world.conditions("broken")["Ready"] == ("Unknown", "InvalidSpec")
    assert world.kube.find_one("Deployment")["metadata"]["name"] == "digits-int8-cpu"


@pytest.mark.parametrize("spec", [[], "spec", {"budgetRef": "vision"}, {"budgetRef": {"name": 3}}])
async def test_what_runs_of_a_model_without_a_readable_spec_is_held(
    world: World, spec: object
) -> None:
    world.kube.put(model_deployment())
    await world.tick()
    world.kube.put({**world.kube.find_one("ModelDeployment"), "spec": spec})
    await world.tick()
    assert world.conditions()["Stalled"] == ("True", "InvalidSpec")
    assert world.kube.names("Deployment") == ["digits-int8-cpu"]
