"""Two installs on one cluster leave each other's models alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.control.world import FakeKube, World, model_deployment
from trimtab.actuate.names import INSTALL_LABEL
from trimtab.control.settings import PrometheusSection, Settings


def install(kube: FakeKube, instance: str) -> World:
    """An install of that name on a shared cluster."""
    settings = Settings(prometheus=PrometheusSection(url="http://p"), instance=instance)
    return World(settings, kube)


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube()


@pytest.fixture
def blue(kube: FakeKube) -> World:
    return install(kube, "blue")


@pytest.fixture
def green(kube: FakeKube) -> World:
    return install(kube, "green")


def labelled(instance: str) -> dict[str, Any]:
    model = model_deployment()
    model["metadata"]["labels"] = {INSTALL_LABEL: instance}
    return model


async def test_who_made_the_service_first_serves_the_model(
    kube: FakeKube, blue: World, green: World, caplog: pytest.LogCaptureFixture
) -> None:
    kube.put(model_deployment())
    assert await blue.tick()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert await green.tick() == []
    assert caplog.text.count("shop/digits is served by the install 'blue' and left alone") == 1
    assert kube.find_one("Deployment")["metadata"]["labels"][INSTALL_LABEL] == "blue"
    assert kube.find_one("ModelDeployment")["status"]


async def test_a_label_says_who_serves_and_moves_what_there_is(
    kube: FakeKube, blue: World, green: World
) -> None:
    kube.put(labelled("green"))
    assert await blue.tick() == []
    assert await green.tick()
    kube.put(labelled("blue"))
    assert await green.tick() == []
    assert await blue.tick()
    assert kube.find_one("Deployment")["metadata"]["labels"][INSTALL_LABEL] == "blue"
    assert await green.tick() == []


async def test_two_that_see_a_new_model_at_once_end_with_one(
    kube: FakeKube, blue: World, green: World
) -> None:
    kube.put(model_deployment())
    await blue.loop.sync()
    await green.loop.sync()  # both saw that there is no Service
    await blue.loop.tick(blue.now_s)
    await green.loop.tick(green.now_s)
    assert await blue.tick() == []
    blue.run_pods()
    await green.tick()
    assert await blue.tick() == []
    assert kube.find_one("Deployment")["metadata"]["labels"][INSTALL_LABEL] == "green"


async def test_what_another_runs_still_counts(kube: FakeKube, blue: World, green: World) -> None:
    """The room on the nodes and the money of a shared budget are gone, whoever took them."""
    kube.put(model_deployment())
    await blue.tick()
    blue.run_pods()
    await green.loop.sync()
    plan = await green.loop.tick(green.now_s)
    assert plan.models == {}
    (holding,) = green.gathered().snapshot.holdings
    assert [w.replicas for w in holding.workloads] == [1]


async def test_a_users_object_of_the_services_name_is_nobodys_mark(
    kube: FakeKube, green: World
) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {}}
    labels = {INSTALL_LABEL: "blue"}
    kube.put({**service, "metadata": {"name": "digits", "namespace": "shop", "labels": labels}})
    kube.put(model_deployment())
    await green.tick()
    assert green.conditions()["Stalled"] == ("True", "NameTaken")


async def test_a_broken_model_of_another_is_not_told_of(
    kube: FakeKube, blue: World, green: World
) -> None:
    kube.put({**labelled("blue"), "spec": {"model": "digits"}})
    assert await green.tick() == []
    assert await blue.tick() == ["ModelDeployment/status"]


async def test_without_names_one_install_serves_all(kube: FakeKube) -> None:
    only = install(kube, "")
    kube.put(model_deployment())
    assert await only.tick()
    only.run_pods()
    await only.tick()
    assert only.conditions()["Ready"] == ("True", "Serving")
