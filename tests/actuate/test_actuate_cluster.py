"""The children on a real API server: accepted, within the restricted standard, and recognised
again after it filled in its defaults. Every write is a dry run, but for a namespace of its own."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.actuate import fleet
from tests.actuate.fleet import children_of, only_deployment, target_of
from trimtab.actuate import kinds
from trimtab.actuate.apply import needs_apply
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import Conflict, Forbidden, Invalid, NotFound
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelSource, ObjectKey, ParentRef, Routing, RoutingType
from trimtab.core.plan import Target
from trimtab.core.snapshot import Backend

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="KUBECONFIG names no cluster"),
]

STORIES: dict[str, tuple[ModelSource, Target]] = {
    "gpu-image": (fleet.IMAGE, target_of("l4")),
    "cpu-pvc": (fleet.PVC, target_of("cpu")),
    "uri": (fleet.URI, target_of("cpu")),
    "host-path": (fleet.HOST_PATH, target_of("l4")),
}
SETTINGS = InstallSettings(allow_host_path=True, instance="west")

Children = Callable[[str], dict[str, dict[str, Any]]]


@pytest.fixture
async def client() -> AsyncIterator[KubeClient]:
    async with await KubeClient.connect() as client:
        yield client


@pytest.fixture
async def children(client: KubeClient) -> AsyncIterator[Children]:
    """Builds the children of a story in a namespace that enforces the restricted standard."""
    name = f"actuate-{uuid.uuid4().hex[:8]}"
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace = await client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": levels}}
    )

    def build(story: str) -> dict[str, dict[str, Any]]:
        source, target = STORIES[story]
        key = ObjectKey(name, "classifier")
        return children_of(source, target, settings=SETTINGS, key=key)

    yield build
    await client.delete(kinds.NAMESPACE, name, uid=namespace["metadata"]["uid"])


@pytest.mark.parametrize("story", STORIES)
async def test_children_are_accepted_and_recognised(
    client: KubeClient, children: Children, story: str
) -> None:
    for child in children(story).values():
        live = await client.server_side_apply(child, "trimtab", dry_run=True)
        assert not needs_apply(child, live), (child, live)


@pytest.mark.parametrize("hostnames", [(), ("classifier.example", "*.classifier.example")])
async def test_routes_are_accepted_and_recognised(
    client: KubeClient, children: Children, hostnames: tuple[str, ...]
) -> None:
    """Where the cluster has the kinds: those of the Gateway API, and Envoy Gateway's beside."""
    namespace = only_deployment(children("cpu-pvc"))["metadata"]["namespace"]
    routing = Routing(RoutingType.GATEWAY, ParentRef("infra", "edge", "http"), hostnames)
    made = children_of(
        fleet.IMAGE,
        key=ObjectKey(namespace, "classifier"),
        routing=routing,
        # A place that changed hands may list a Service twice.
        backends=(
            Backend(target_of().key, 10_000),
            Backend(target_of("cpu").key, 1),
            Backend(target_of().key, 1),
        ),
    )
    of_gateways = [c for c in made.values() if "gateway" in c["apiVersion"]]
    assert len(of_gateways) == 2
    known = [c for c in of_gateways if await client.has_kind(kinds.kind_of(c))]
    if not known:
        pytest.skip("the cluster has no Gateway API")
    for child in known:
        live = await client.server_side_apply(child, "trimtab", dry_run=True)
        assert not needs_apply(child, live), (child, live)


@pytest.mark.parametrize("story", STORIES)
async def test_pods_are_admitted_under_the_restricted_standard(
    client: KubeClient, children: Children, story: str
) -> None:
    deployment = only_deployment(children(story))
    template = deployment["spec"]["template"]
    meta = {**template["metadata"], "name": "one", "namespace": deployment["metadata"]["namespace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    # Stands for the service account, which the namespace's controller makes in its own time.
    pod["spec"]["serviceAccountName"] = "default"
    await _until_there(client, kinds.Kind("v1", "ServiceAccount", "serviceaccounts"), meta)
    if story == "host-path":
        with pytest.raises(Forbidden, match="restricted volume types"):
            await client.server_side_apply(pod, "trimtab", dry_run=True)
        return
    await client.server_side_apply(pod, "trimtab", dry_run=True)


async def _until_there(client: KubeClient, kind: kinds.Kind, meta: dict[str, Any]) -> None:
    for _ in range(200):
        if await client.find(kind, "default", meta["namespace"]) is not None:
            return
        await asyncio.sleep(0.1)


async def test_the_servers_errors_have_their_types(client: KubeClient, children: Children) -> None:
    deployment = only_deployment(children("cpu-pvc"))
    namespace = deployment["metadata"]["namespace"]
    with pytest.raises(Invalid, match=r"spec\.replicas"):
        await client.server_side_apply(
            {**deployment, "spec": {**deployment["spec"], "replicas": -1}}, "trimtab", dry_run=True
        )
    with pytest.raises(NotFound):
        await client.get(kinds.DEPLOYMENT, "absent", namespace)
    lease = {
        "apiVersion": kinds.LEASE.api_version,
        "kind": kinds.LEASE.kind,
        "metadata": {"name": "one", "namespace": namespace},
    }
    made = await client.create(lease)
    with pytest.raises(Conflict):
        await client.create(lease)
    with pytest.raises(Conflict):
        await client.delete(kinds.LEASE, "one", namespace, uid="another")
    assert await client.delete(kinds.LEASE, "one", namespace, uid=made["metadata"]["uid"])
    assert not await client.delete(kinds.LEASE, "one", namespace)


async def test_what_there_is_can_be_told_and_read(client: KubeClient, children: Children) -> None:
    namespace = only_deployment(children("uri"))["metadata"]["namespace"]
    assert await client.has_kind(kinds.DEPLOYMENT)
    assert not await client.has_kind(kinds.Kind("absent.example/v1", "Thing", "things"))
    regarding = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "namespace": namespace},
    }
    for _ in range(3):
        await client.create_event(
            regarding, type_="Normal", reason="Tested", note="told", action="Test"
        )
    events, version = await client.list(kinds.EVENT, namespace, chunk=1)
    assert [e["reason"] for e in events].count("Tested") == 3
    assert version
