"""kopf's part: every watch event goes into the caches, and what cannot wait wakes the loop.

Low-level handlers only: they leave users' objects byte-identical, while @kopf.on.create adds an
annotation of up to 256 KiB and @kopf.timer a finalizer (nolar/kopf#1087).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from trimtab.actuate import kinds
from trimtab.actuate.client import CHUNK
from trimtab.actuate.kinds import Kind
from trimtab.control.caches import OPTIONAL, OURS_ONLY, OURS_SELECTOR, Caches, watched
from trimtab.control.notice import noted


class Wake(Protocol):
    """Starts a decision; at once, or with what else wakes it in the next moment."""

    def __call__(self, *, at_once: bool = False) -> None: ...


def registry(caches: Caches, wake: Wake, *, nodes: bool) -> kopf.OperatorRegistry:
    """The handlers of every watched kind. `wake` starts a decision without waiting its turn."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(_login)
    for kind in (*watched(nodes=nodes), *OPTIONAL):
        _watch(handlers, kind, caches, wake)
    return handlers


def configure(settings: kopf.OperatorSettings) -> None:
    """kopf's settings: a watch that goes silent must end, and no kopf Events or peering."""
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _Undiffed()
    # For as long, a worker of each object holds its whole body: after the first listing those of a
    # fleet of thousands, in full, all at once.
    settings.queueing.idle_timeout = 0.05
    # A watch can go silent for ever on a half-open connection (nolar/kopf#585).
    settings.watching.server_timeout = 600
    settings.watching.client_timeout = 660
    settings.watching.connect_timeout = 10
    # Of a dozen kinds at once, and of a Deployment 60 KiB once it is decoded.
    settings.watching.chunk_size = CHUNK
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.enforce_retry_after = True
    settings.networking.error_backoffs = (1, 2, 4, 8, 16, 30, 30, 30, 30, 30)
    for kind in OURS_ONLY:
        settings.watching.label_selectors[kind.plural] = OURS_SELECTOR


class _Undiffed(kopf.DiffBaseStorage):
    """Compares nothing. kopf copies every object of every event, only to tell handlers that it has
    not been given what has changed in it."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept on users' objects."""


class Forgetful(ResourceMemories):
    """Remembers no object. kopf keeps a KiB of each that it ever saw, every pod of the cluster
    among them, for daemons and indices of which there are none here; and for good where it was gone
    by the time of a new listing."""

    async def recall(self, raw_body: kopf.RawBody, **facts: Any) -> ResourceMemory:
        return await super().recall(raw_body, **{**facts, "ephemeral": True})


def _login(**facts: Any) -> kopf.ConnectionInfo | None:
    """In the cluster by the pod's own token, elsewhere by kubeconfig; a registry of one's own comes
    without kopf's."""
    in_cluster = kopf.login_with_service_account(**facts)
    if in_cluster is None:
        return kopf.login_with_kubeconfig(**facts)
    # By the address that the kubelet gives every pod: kopf's own is a name, and a cluster whose DNS
    # is down is just when the operator must not stop. The kubelet renews the token's file.
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    address = f"[{host}]" if ":" in host else host
    return dataclasses.replace(
        in_cluster,
        server=f"https://{address}:{os.environ['KUBERNETES_SERVICE_PORT']}",
        expiration=datetime.now(UTC) + timedelta(minutes=10),
    )


def _watch(handlers: kopf.OperatorRegistry, kind: Kind, caches: Caches, wake: Wake) -> None:
    group, _, version = kind.api_version.rpartition("/")

    async def note(event: Mapping[str, Any], **_: Any) -> None:
        if noted(caches, kind, event):
            # Each moment without a share's pods fails requests; an edit may come with others.
            wake(at_once=kind is kinds.POD)

    kopf.on.event(group, version, kind.plural, id=f"note-{kind.plural}", registry=handlers)(note)
