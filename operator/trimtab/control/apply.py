"""One model's plan brought to the cluster, and its status with it."""

from __future__ import annotations

import logging
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from trimtab.actuate import kinds, names
from trimtab.actuate.apply import Applied, apply_child, check_owner, is_rolling, surge_for
from trimtab.actuate.children import build_children, identity, stale_children
from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import ApiError
from trimtab.actuate.job import compression_children, compression_kept
from trimtab.actuate.kinds import Kind, kind_of
from trimtab.actuate.names import child_name
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import AcceleratorClass, ModelDeployment, ObjectKey, RawObject
from trimtab.control.caches import Caches, key_of
from trimtab.control.metrics import Metrics
from trimtab.control.routes import routed_by_envoy
from trimtab.core.compression import Compressed
from trimtab.core.plan import ModelPlan, Target
from trimtab.core.snapshot import ModelState, Snapshot, WorkloadKey

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Brought:
    """What was brought about, and found as it should be: all that children are made from, and they
    themselves. While nothing of it changes there is nothing to build, to compare or to remove,
    which else takes two milliseconds for each model in every tick."""

    spec: ModelDeployment
    children: tuple[RawObject, ...]
    classes: tuple[AcceleratorClass | None, ...]
    rest: tuple[object, ...]

    def is_of(self, known: _Brought | None) -> bool:
        """Whether it is the same as what is known. Objects are compared by identity: the caches
        keep the same ones for as long as nothing about them changes."""
        return (
            known is not None
            and self.spec is known.spec
            and len(self.children) == len(known.children)
            and all(map(operator.is_, self.children, known.children))
            and self.classes == known.classes
            and self.rest == known.rest
        )


class _There(NamedTuple):
    """Which kinds the cluster has and the model's children may be of."""

    pod_monitor: bool
    http_route: bool
    policy: bool


class Actor:
    """Writes children; what it wrote is in the caches at once, before the watch tells of it."""

    def __init__(
        self, kube: KubeClient, caches: Caches, install: InstallSettings, metrics: Metrics
    ) -> None:
        self._kube = kube
        self._caches = caches
        self.install = install
        self._metrics = metrics
        self._brought: dict[ObjectKey, _Brought] = {}

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> RawObject | None:
        """The live object, from the API server."""
        return await self._kube.find(kind, name, namespace)

    async def server_side_apply(
        self, obj: RawObject, field_manager: str, *, force: bool = True
    ) -> dict[str, Any]:
        """Applies and notes the answer."""
        applied = await self._kube.server_side_apply(obj, field_manager, force=force)
        self._metrics.writes.labels(obj["kind"]).inc()
        self._caches.put(kind_of(obj), applied)
        return applied

    async def apply(
        self,
        state: ModelState,
        plan: ModelPlan,
        snapshot: Snapshot,
        compressed: Compressed | None = None,
    ) -> None:
        """Brings every child to the plan; raises ActuateError or ApiError at the first that fails.

        Targets whose variant the spec no longer has cannot be built anew: they are only scaled,
        and deleted once the plan has dropped them.
        """
        md = state.spec
        declared = {(v.name, c) for v in md.variants for c in v.accelerator_classes}
        kept = [
            t
            for t in plan.targets
            if (t.key.variant, t.key.accelerator_class) in declared
            and t.key.accelerator_class in snapshot.accelerator_classes
        ]
        surge = {t.key: self._surge(state, t) for t in kept}
        there = self._there(md)
        asked = self._asked(state, plan, (surge, there), snapshot, compressed)
        if asked.is_of(self._brought.get(state.spec.key)):
            return
        self._brought.pop(state.spec.key, None)
        orphans = [t for t in plan.targets if t not in kept]
        desired = build_children(
            md,
            _with_targets(plan, kept),
            snapshot.accelerator_classes,
            self.install,
            podmonitor=there.pod_monitor,
            surge=surge,
            httproute=there.http_route,
            policy=there.policy,
        )
        unchanged = not orphans
        for child in desired:
            cached = self._caches.get(kind_of(child), key_of(child))
            applied = await apply_child(self, md, child, cached)
            unchanged = unchanged and applied is Applied.UNCHANGED
            if applied is Applied.WRITTEN:
                log.info("applied %s %s", child["kind"], key_of(child))
        spared = [self._orphan(state, t) for t in orphans]
        for target, live in zip(orphans, spared, strict=True):
            if live is not None and live["spec"].get("replicas") != target.replicas:
                await self.server_side_apply(_rescaled(live, target.replicas), names.FIELD_MANAGER)
        wanted = [*desired, *(s for s in spared if s is not None)]
        await self._remove_stale(state, [*wanted, *_of_compression(md, compressed)])
        if unchanged:
            # What was asked, and of the children it was asked of: one that was removed since is
            # another list, and the next tick looks again.
            self._brought[md.key] = asked

    def _asked(
        self,
        state: ModelState,
        plan: ModelPlan,
        allowed: tuple[dict[WorkloadKey, bool], _There],
        snapshot: Snapshot,
        compressed: Compressed | None,
    ) -> _Brought:
        return _Brought(
            spec=state.spec,
            children=self._caches.owned(state.spec.uid),
            classes=tuple(
                snapshot.accelerator_classes.get(t.key.accelerator_class) for t in plan.targets
            ),
            rest=(plan.targets, plan.backends, allowed, compressed),
        )

    def _there(self, md: ModelDeployment) -> _There:
        return _There(
            pod_monitor=self._caches.knows(kinds.POD_MONITOR),
            http_route=self._caches.knows(kinds.HTTP_ROUTE),
            policy=self._caches.knows(kinds.TRAFFIC_POLICY) and routed_by_envoy(self._caches, md),
        )

    def rolling(self, state: ModelState) -> bool:
        """Whether a Deployment of the model still has pods of an older template."""
        owned = self._caches.owned(state.spec.uid)
        return any(is_rolling(obj) for obj in owned if kind_of(obj) is kinds.DEPLOYMENT)

    def forget(self, key: ObjectKey) -> None:
        """Drops what is known of a model that is gone."""
        self._brought.pop(key, None)

    async def compress(self, state: ModelState, compressed: Compressed, snapshot: Snapshot) -> None:
        """Sees to it that the Job of the model's compression runs, where one is to run; raises
        ActuateError or ApiError.

        A Job is made once and then left alone: its template can never change.
        """
        md = state.spec
        name = md.compression.accelerator_class if md.compression else ""
        accelerator_class = snapshot.accelerator_classes.get(name)
        if not compressed.wants_job or accelerator_class is None:
            return
        for child in compression_children(md, accelerator_class, self.install):
            kind = kind_of(child)
            cached = self._caches.get(kind, key_of(child))
            if kind is kinds.JOB and cached is not None:
                check_owner(child, cached, md)
            elif await apply_child(self, md, child, cached) is Applied.WRITTEN:
                log.info("applied %s %s", child["kind"], key_of(child))

    def _surge(self, state: ModelState, target: Target) -> bool:
        workload = state.workload(target.key)
        name = child_name(state.spec, target.key)
        live = self._caches.get(kinds.DEPLOYMENT, ObjectKey(state.spec.key.namespace, name))
        return surge_for(live, free=target.may_surge, unschedulable=workload.unschedulable)

    def _orphan(self, state: ModelState, target: Target) -> RawObject | None:
        labels = {
            names.VARIANT_LABEL: names.label_value(target.key.variant),
            names.CLASS_LABEL: names.label_value(target.key.accelerator_class),
        }
        for obj in self._caches.owned(state.spec.uid):
            own = obj["metadata"].get("labels") or {}
            if obj["kind"] == "Deployment" and labels.items() <= own.items():
                return obj
        return None

    async def _remove_stale(self, state: ModelState, wanted: list[RawObject]) -> None:
        """Deletes our children of this model that nothing wants, Deployments first.

        What belongs to a workload that is still there (the ConfigMap its pods mount) stays as long
        as its Deployment does; but for its Service, which no pod needs.
        """
        alive = {identity(w)[2] for w in wanted if w["kind"] == "Deployment"}
        existing = [
            obj
            for obj in self._caches.owned(state.spec.uid)
            if not obj["metadata"].get("deletionTimestamp")
            and (kind_of(obj) is kinds.SERVICE or identity(obj)[2] not in alive)
        ]
        for child in stale_children(existing, wanted, state.spec):
            kind, key = kind_of(child), key_of(child)
            await self._kube.delete(kind, key.name, key.namespace, uid=child["metadata"]["uid"])
            self._metrics.writes.labels(kind.kind).inc()
            self._caches.drop(kind, child)
            log.info("deleted %s %s: the plan has no use for it", kind.kind, key)

    async def write_status(self, obj: RawObject, status: Mapping[str, Any]) -> None:
        """Applies the status of a ModelDeployment under its own field manager."""
        meta = obj["metadata"]
        body = {
            **kinds.MODEL_DEPLOYMENT.named,
            "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
            "status": status,
        }
        applied = await self._kube.server_side_apply(
            body, names.STATUS_FIELD_MANAGER, subresource="status"
        )
        self._metrics.writes.labels("ModelDeployment/status").inc()
        self._caches.put(kinds.MODEL_DEPLOYMENT, applied)

    async def post_event(self, obj: RawObject, type_: str, reason: str, message: str) -> None:
        """Posts an Event; one that cannot be posted is logged and not tried again."""
        try:
            await self._kube.create_event(
                obj, type_=type_, reason=reason, note=message, action=reason
            )
            self._metrics.writes.labels("Event").inc()
        except ApiError as error:
            self._metrics.errors.labels("kubernetes", error.reason).inc()
            log.warning("event %s on %s was not posted: %s", reason, key_of(obj), error)


def _of_compression(md: ModelDeployment, compressed: Compressed | None) -> tuple[RawObject, ...]:
    if md.compression is None or compressed is None:
        return ()
    return compression_kept(md, ended=compressed.ended(md.compression))


def _with_targets(plan: ModelPlan, targets: list[Target]) -> ModelPlan:
    return replace(plan, targets=tuple(targets))


def _rescaled(live: RawObject, replicas: int) -> dict[str, Any]:
    """The live Deployment as an apply body, with other replicas: all that is left to say of a
    workload whose variant is gone from the spec."""
    meta = live["metadata"]
    return {
        **kinds.DEPLOYMENT.named,
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": {
                k: v
                for k, v in (meta.get("annotations") or {}).items()
                if not k.startswith("deployment.kubernetes.io/")
            },
            "ownerReferences": meta.get("ownerReferences") or [],
        },
        "spec": {**live["spec"], "replicas": replicas},
    }
