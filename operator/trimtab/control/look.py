"""One look at a cluster, for the command line: it reads, and writes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import list_kube_config_contexts

from trimtab.actuate import kinds
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import ApiError
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.caches import OPTIONAL, Caches, watched
from trimtab.control.gather import gather
from trimtab.control.listing import list_into
from trimtab.core.signals import Missing
from trimtab.core.snapshot import ModelReadings, Snapshot
from trimtab.observe.fleet import read_fleet
from trimtab.observe.prometheus import ClientSettings, open_client
from trimtab.observe.queries import ReadSettings

_NOT_ASKED = Missing("NotAsked", "No Prometheus was named: give --prometheus URL.")
# Where nodes are hidden, their room is uncounted, as it is for an operator without them; of a
# compression the status tells.
_NICE_TO_KNOW = (kinds.NODE, kinds.JOB, *OPTIONAL)


class LookError(Exception):
    """The cluster cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which cluster: a kubeconfig file and a context of it; None is what kubectl would take."""

    kubeconfig: str | None = None
    context: str | None = None

    def namespace(self) -> str:
        """The namespace that kubectl would take; `default` where the context names none."""
        try:
            contexts, active = list_kube_config_contexts(self.kubeconfig)
        except (ConfigException, OSError, TypeError):
            return "default"
        chosen = next((c for c in contexts if c["name"] == self.context), active)
        return str((chosen.get("context") or {}).get("namespace") or "default")


async def find_model(where: Where, key: ObjectKey) -> RawObject | None:
    """The ModelDeployment as it stands in the cluster, None where there is none; LookError."""
    async with connected(where) as kube:
        return await kube.find(kinds.MODEL_DEPLOYMENT, key.name, key.namespace)


async def look_at(
    where: Where,
    prometheus: ClientSettings | None,
    reading: ReadSettings,
    namespaces: Sequence[str] = (),
) -> tuple[Snapshot, float, list[str]]:
    """What a decision of the operator would see now, when that was, and what could not be read.

    namespaces: empty for all of them. Without Prometheus every reading is Missing. Raises LookError
    where the cluster cannot be read at all.
    """
    caches = Caches()
    async with connected(where) as kube:
        for kind in (*watched(nodes=True), *OPTIONAL):
            await list_into(caches, kube, kind, namespaces, may_be_hidden=_NICE_TO_KNOW)
    gathered, now_s = gather(caches), time.time()
    models = gathered.snapshot.models
    if prometheus is None:
        blind = ModelReadings(*(_NOT_ASKED,) * 5, latency_s=_NOT_ASKED)
        readings = {state.spec.key: blind for state in models}
    else:
        async with open_client(prometheus) as client:
            readings = dict(await read_fleet(client, reading, models, now_s))
    problems = [
        f"{kind.kind} {key.name if not key.namespace else key}: {problem}"
        for (kind, key), found in gathered.problems.items()
        for problem in found
    ]
    return gathered.with_readings(readings), now_s, problems


@asynccontextmanager
async def connected(where: Where) -> AsyncIterator[KubeClient]:
    """A client of that cluster. LookError where there is none, and for an ApiError within."""
    try:
        kube = await KubeClient.connect(where.kubeconfig, where.context)
    except (ConfigException, OSError) as error:
        raise LookError(f"No cluster: {error}. Set KUBECONFIG or give --kubeconfig.") from error
    async with kube:
        try:
            yield kube
        except ApiError as error:
            raise LookError(f"The cluster cannot be read: {error}") from error
