"""A kind that is installed late is watched, whether kopf saw it come or not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import kopf
import pytest
from kopf._cogs.structs.references import Resource
from kopf._core.reactor.observation import revise_resources

from tests.control.world import World
from trimtab.actuate import kinds
from trimtab.actuate.kinds import Kind
from trimtab.control.caches import Caches
from trimtab.control.handlers import Forgetful, configure, registry
from trimtab.control.watching import Watching

# As kopf has it from the API server's discovery.
ROUTES = Resource(
    "gateway.networking.k8s.io",
    "v1",
    "httproutes",
    kind="HTTPRoute",
    singular="httproute",
    namespaced=True,
    verbs=frozenset({"get", "list", "watch", "create", "patch", "delete"}),
)


def unheard(*, at_once: bool = False) -> None:
    """Nobody ticks here."""


def scanned(watching: Watching, *found: Resource) -> None:
    """kopf looks at the group of the routes, and is answered that."""
    revise_resources(
        group=ROUTES.group,
        insights=watching.insights,
        resources=found,
        registry=registry(Caches(), unheard, nodes=True),
    )


async def looked(world: World, monkeypatch: pytest.MonkeyPatch, *, after_s: float) -> None:
    clock = SimpleNamespace(monotonic=lambda: after_s)
    monkeypatch.setattr("trimtab.control.loop.time", clock)
    await world.loop._sync_if_due()


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
async def world(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    world.loop.watching = watching
    await looked(world, monkeypatch, after_s=1000.0)
    return world


def test_kopf_copies_no_object_and_holds_none_that_it_is_done_with() -> None:
    """All at once, after the first listing, those of thousands of models took 100 MiB."""
    settings = kopf.OperatorSettings()
    configure(settings)
    body = kopf.Body({"metadata": {"name": "digits"}, "spec": {"model": "digits"}})
    compared = settings.persistence.diffbase_storage
    assert not compared.build(body=body)
    assert compared.fetch(body=body) is None
    assert settings.queueing.idle_timeout <= 0.1


async def test_kopf_remembers_no_object() -> None:
    """Of every pod of a cluster of thousands it kept a KiB for as long as it ran."""
    memories = Forgetful()
    body: kopf.RawBody = {"metadata": {"uid": "a-pod"}}
    memory = await memories.recall(body, noticed_by_listing=True, memobase=kopf.Memo())
    assert memory.noticed_by_listing
    assert list(memories.iter_all_memories()) == []


async def test_what_kopf_watches_is_known(watching: Watching) -> None:
    assert not watching.covers(kinds.HTTP_ROUTE)
    scanned(watching, ROUTES)
    assert watching.covers(kinds.HTTP_ROUTE)
    assert not watching.covers(Kind("gateway.networking.k8s.io/v1beta1", "HTTPRoute", "httproutes"))


async def test_kopf_is_told_of_a_kind_that_it_missed(watching: Watching) -> None:
    """Its watches begin when its insights are revised, and are not begun twice."""
    revised = asyncio.create_task(_revision(watching))
    await asyncio.sleep(0)
    await watching.begin(kinds.HTTP_ROUTE)
    await revised
    scanned(watching, ROUTES)
    assert watching.insights.watched_resources == {ROUTES}
    (resource,) = watching.insights.watched_resources
    assert {"list", "watch"} <= resource.verbs
    assert resource.namespaced


async def test_a_kind_that_kopf_was_not_answered_of_is_watched_within_half_a_minute(
    world: World, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.kube.installed = {"HTTPRoute"}
    scanned(watching)  # the CRD is there, and not served yet
    await world.loop.sync()
    assert world.loop.caches.knows(kinds.HTTP_ROUTE)
    await looked(world, monkeypatch, after_s=1035.0)
    assert watching.covers(kinds.HTTP_ROUTE)
    assert not watching.covers(kinds.TRAFFIC_POLICY)


async def test_a_kind_that_was_taken_away_is_not_watched_again(
    world: World, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch of what is not there ends in an error each time it begins."""
    world.kube.installed = {"HTTPRoute"}
    await looked(world, monkeypatch, after_s=1035.0)
    world.kube.installed = set()
    scanned(watching)
    await looked(world, monkeypatch, after_s=1070.0)
    assert not watching.covers(kinds.HTTP_ROUTE)
    assert not world.loop.caches.knows(kinds.HTTP_ROUTE)


async def _revision(watching: Watching) -> None:
    async with watching.insights.revised:
        await watching.insights.revised.wait()
