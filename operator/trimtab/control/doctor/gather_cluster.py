"""What the API server tells of an install, asked with whatever rights there are."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from trimtab.actuate import kinds, names
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import Forbidden, Invalid, NotFound
from trimtab.actuate.kinds import Kind
from trimtab.api.quantity import InvalidQuantity
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.caches import OPTIONAL, Caches, key_of, watched
from trimtab.control.doctor.facts import (
    Cluster,
    Lease,
    LeftOut,
    OperatorPod,
    ReadyPod,
    Room,
)
from trimtab.control.doctor.field_paths import field_paths
from trimtab.control.doctor.needed_rights import Right, needed_rights
from trimtab.control.gather import Gathered, gather
from trimtab.control.listing import list_into
from trimtab.control.pod_address import serving_addresses
from trimtab.control.settings import Settings
from trimtab.observe.nodes import schedulable_by_class

_ACCOUNT = "system:serviceaccount:"
_ASKED_EACH, _ASKED_NAMESPACES = 2, 50
_OURS = (kinds.MODEL_DEPLOYMENT, kinds.ACCELERATOR_CLASS, kinds.INFERENCE_BUDGET)


async def gather_cluster(
    kube: KubeClient, settings: Settings | None, namespaces: Sequence[str]
) -> tuple[Cluster, list[LeftOut]]:
    """What was found out, and what could not be. Raises ApiError where the API server does not
    answer, or knows nobody."""
    ahead_s = await _ahead_s(kube)
    caches = Caches()
    left_out: list[LeftOut] = []
    nodes = settings is None or settings.nodes
    absent, hidden = await _list_all(caches, kube, watched(nodes=nodes), namespaces)
    unread = sorted(kind.plural for kind in hidden)
    left_out += [LeftOut(f"what hangs on {plural}", "they may not be read") for plural in unread]
    gathered = gather(caches, settings.install() if settings else None)
    account, denied, why = await _rights(kube, settings, absent)
    left_out += [LeftOut("rights", why)] if why else []
    served = await _served(kube)
    unpublished = [k.plural for k in _OURS if k not in absent and k.kind not in served]
    if unpublished:
        fields = f"fields of {', '.join(unpublished)}"
        left_out.append(LeftOut(fields, "the API server publishes no OpenAPI of them"))
    cluster = Cluster(
        gathered=gathered,
        absent=absent,
        hidden=hidden,
        rooms=_rooms(caches, gathered) if nodes and kinds.NODE not in hidden else {},
        pod_monitors={
            key_of(monitor): (monitor.get("spec") or {}).get("selector") or {}
            for monitor in caches.all(kinds.POD_MONITOR)
        },
        operators=frozenset(_operators(caches.all(kinds.POD))),
        account=account,
        denied=denied,
        served=served,
        ahead_s=ahead_s,
    )
    if settings is not None:
        lease, why = await _lease(kube, settings.lease.place)
        ready = _ready_pods(caches, gathered, settings.install().metrics_port)
        cluster = replace(cluster, lease=lease, ready_pods=tuple(ready))
        left_out += [LeftOut("the Lease", why)] if why else []
    return cluster, left_out


async def _list_all(
    caches: Caches, kube: KubeClient, always: Sequence[Kind], namespaces: Sequence[str]
) -> tuple[frozenset[Kind], frozenset[Kind]]:
    """Lists everything that a tick sees; returns the kinds that are not there, and those that may
    not be read. What is hidden counts as there, and empty."""
    absent, hidden = set(), set()
    for kind in (*always, *OPTIONAL):
        if kind in (*_OURS, *OPTIONAL) and not await kube.has_kind(kind):
            caches.absent(kind)
            absent.add(kind)
            continue
        try:
            await list_into(caches, kube, kind, namespaces)
        except Forbidden:
            caches.replace(kind, ())
            hidden.add(kind)
    return frozenset(absent), frozenset(hidden)


async def _ahead_s(kube: KubeClient) -> float | None:
    before_s = time.time()
    told_s = await kube.server_time_s()
    return None if told_s is None else told_s - (before_s + time.time()) / 2


async def _rights(
    kube: KubeClient, settings: Settings | None, absent: Collection[Kind]
) -> tuple[str | None, tuple[Right, ...], str]:
    """The account that asks, and what of the operator's rights it lacks; or why that is not known.
    The settings' namespaces are the operator's, whichever are looked at here."""
    account = await _account(kube)
    if account is None:
        return None, (), "not asked by the operator: run it in its pod"
    if settings is None:
        return None, (), "which it needs is for the settings to say"
    place, nodes = settings.lease.place, settings.nodes
    needed = list(needed_rights(settings.namespaces, place, nodes=nodes, absent=absent))
    allowed = await asyncio.gather(*(_may(kube, right) for right in needed))
    if None in allowed:
        return None, (), f"{account} may not ask for its own: bind it to role system:basic-user"
    return account, tuple(r for r, may in zip(needed, allowed, strict=True) if not may), ""


async def _account(kube: KubeClient) -> str | None:
    """The service account that asks; None for people, and where an old API server cannot tell."""
    review = {**kinds.SELF_SUBJECT_REVIEW.named, "metadata": {}}
    try:
        told = await kube.create(review)
    except (NotFound, Forbidden, Invalid):
        return None
    who = str(told["status"]["userInfo"].get("username"))
    return who.removeprefix(_ACCOUNT) if who.startswith(_ACCOUNT) else None


async def _may(kube: KubeClient, right: Right) -> bool | None:
    """Whether the account that asks may do that; None where it may not even ask."""
    attributes = {name: value for name, value in right._asdict().items() if value}
    review = {
        **kinds.SELF_SUBJECT_ACCESS_REVIEW.named,
        "metadata": {},
        "spec": {"resourceAttributes": attributes},
    }
    try:
        told = await kube.create(review)
    except Forbidden:
        return None
    return bool(told["status"].get("allowed"))


async def _served(kube: KubeClient) -> Mapping[str, frozenset[str]]:
    """Field paths of our kinds, by kind, as far as they are published."""
    try:
        published = await kube.openapi(kinds.MODEL_DEPLOYMENT)
    except (NotFound, Forbidden):
        return {}
    schemas: Mapping[str, RawObject] = (published.get("components") or {}).get("schemas") or {}
    ours = {kind.kind for kind in _OURS}
    return {
        told["kind"]: field_paths(schema)
        for schema in schemas.values()
        for told in schema.get("x-kubernetes-group-version-kind") or ()
        if told["kind"] in ours
    }


def _rooms(caches: Caches, gathered: Gathered) -> dict[str, Room]:
    nodes = list(caches.all(kinds.NODE))
    rooms = {}
    for name, accelerator in gathered.snapshot.accelerator_classes.items():
        try:
            bare = replace(accelerator, resources=())
            places = schedulable_by_class([bare], nodes, ())[name]
            replicas = schedulable_by_class([accelerator], nodes, ())[name]
        except InvalidQuantity:
            continue  # gather has noted it as a problem of the class
        rooms[name] = Room(places, replicas, gathered.snapshot.schedulable.get(name, 0))
    return rooms


def _operators(pods: Iterable[RawObject]) -> Iterator[OperatorPod]:
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        ours = labels.get(names.NAME_LABEL) == "trimtab"
        if ours and labels.get("app.kubernetes.io/component") == "operator":
            release = str(labels.get(names.INSTANCE_LABEL, ""))
            yield OperatorPod(key_of(pod).namespace, release, labels.get(names.INSTALL_LABEL))


def _ready_pods(caches: Caches, gathered: Gathered, port: int) -> Iterator[ReadyPod]:
    """A few of each namespace, as policies are of namespaces; of a fleet that has very many not of
    all, since each that is not reached takes its time."""
    found: Counter[str] = Counter()
    for state in gathered.snapshot.models:
        namespace = state.spec.key.namespace
        if namespace not in found and len(found) == _ASKED_NAMESPACES:
            continue
        left = _ASKED_EACH - found[namespace]
        for name, address in islice(serving_addresses(caches, state, port), left):
            found[namespace] += 1
            yield ReadyPod(ObjectKey(namespace, name), address)


async def _lease(kube: KubeClient, place: ObjectKey) -> tuple[Lease | None, str]:
    """The Lease, or why it was not read."""
    try:
        found = await kube.find(kinds.LEASE, place.name, place.namespace)
    except Forbidden:
        return None, "it may not be read"
    spec = (found or {}).get("spec") or {}
    renewed = spec.get("renewTime")
    return Lease(
        place,
        holder=str(spec.get("holderIdentity") or ""),
        renewed_s=datetime.fromisoformat(renewed).timestamp() if renewed else None,
        duration_s=float(spec.get("leaseDurationSeconds") or 0.0),
    ), ""
