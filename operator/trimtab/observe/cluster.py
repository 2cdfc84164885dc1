"""Raw Kubernetes objects in, the workloads of one ModelDeployment out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from trimtab.api.quantity import InvalidQuantity, parse_quantity
from trimtab.api.resources import GROUP, ObjectKey, RawObject
from trimtab.core.snapshot import Pod, Workload, WorkloadKey
from trimtab.observe.nodes import pod_requests, schedulable_by_class, schedulable_replicas

__all__ = [
    "InvalidQuantity",
    "parse_quantity",
    "pod_requests",
    "schedulable_by_class",
    "schedulable_replicas",
    "workloads_of",
]

LABEL_MODEL_DEPLOYMENT = f"{GROUP}/model-deployment"
LABEL_VARIANT = f"{GROUP}/variant"
LABEL_CLASS = f"{GROUP}/accelerator-class"
ANNOTATION_BATCH_CAP = f"{GROUP}/batch-cap"
ANNOTATION_QUEUE_SIZE = f"{GROUP}/queue-size"
ANNOTATION_FINGERPRINT = f"{GROUP}/answers-of"

# Of nine digits at most: Python reads no more than 4300, and Triton takes 32 bits.
_RENDERED = re.compile(r"[1-9][0-9]{0,8}")
_NORMAL_WAITS = ("ContainerCreating", "PodInitializing")
_LONGEST_WORDS = 300


def workloads_of(
    md_key: ObjectKey,
    deployments: Iterable[RawObject],
    pods: Iterable[RawObject],
    hpas: Iterable[RawObject] = (),
) -> tuple[Workload, ...]:
    """The child Deployments of that ModelDeployment and their pods, sorted by key.

    `hpas` may hold HorizontalPodAutoscalers and KEDA ScaledObjects. Objects of other namespaces,
    of other ModelDeployments or without both key labels are passed over, and so are pods that have
    ended. Pods whose Deployment is gone make a workload of 0 replicas: they still hold an
    accelerator.
    """
    children = {k: d for d in deployments if (k := _key_of(d, md_key)) is not None}
    grouped: dict[WorkloadKey, list[Pod]] = {key: [] for key in children}
    for raw in pods:
        key = _key_of(raw, md_key)
        # A Failed pod (evicted, node lost) stays in the API for ever and holds nothing.
        if key is not None and _status(raw).get("phase") not in ("Succeeded", "Failed"):
            grouped.setdefault(key, []).append(_pod(raw))
    scalers = _scalers(hpas, md_key.namespace)
    return tuple(
        _workload(key, children.get(key), tuple(sorted(own, key=lambda p: p.name)), scalers)
        for key, own in sorted(grouped.items())
    )


def _workload(
    key: WorkloadKey,
    deployment: RawObject | None,
    pods: tuple[Pod, ...],
    scalers: Mapping[str, str],
) -> Workload:
    if deployment is None:
        return Workload(key, replicas=0, pods=pods)
    replicas = (deployment.get("spec") or {}).get("replicas")
    return Workload(
        key,
        replicas=1 if replicas is None else max(0, int(replicas)),  # 1 is the API's default
        pods=pods,
        batch_cap=_rendered(deployment, ANNOTATION_BATCH_CAP),
        foreign_scaler=scalers.get(deployment["metadata"]["name"]),
        queue_size=_rendered(deployment, ANNOTATION_QUEUE_SIZE),
        fingerprint=_fingerprint(deployment),
        refused=_refused(deployment),
    )


def _refused(deployment: RawObject) -> str | None:
    """Why the API server lets it have no more pods: a quota, an admission rule."""
    for condition in _status(deployment).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason"))[:_LONGEST_WORDS]
    return None


def _key_of(raw: RawObject, md_key: ObjectKey) -> WorkloadKey | None:
    meta = raw["metadata"]
    labels = meta.get("labels") or {}
    if meta.get("namespace") != md_key.namespace:
        return None
    if labels.get(LABEL_MODEL_DEPLOYMENT) != md_key.name:
        return None
    variant, accelerator_class = labels.get(LABEL_VARIANT), labels.get(LABEL_CLASS)
    return WorkloadKey(variant, accelerator_class) if variant and accelerator_class else None


def _pod(raw: RawObject) -> Pod:
    conditions = {c.get("type"): c for c in _status(raw).get("conditions") or ()}
    ready, scheduled = conditions.get("Ready", {}), conditions.get("PodScheduled", {})
    created_s = _time_s(raw["metadata"].get("creationTimestamp")) or 0.0
    ready_s = None
    if ready.get("status") == "True":
        # Without a time it counts as ready from the start: an old pod is one that must be measured.
        ready_s = _time_s(ready.get("lastTransitionTime")) or created_s
    return Pod(
        name=raw["metadata"]["name"],
        created_s=created_s,
        ready_s=ready_s,
        terminating=bool(raw["metadata"].get("deletionTimestamp")),
        unschedulable=(
            scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
        ),
        waiting_reason=None if ready_s is not None else _waiting_reason(_status(raw)),
        last_words=_last_words(_status(raw)),
    )


def _waiting_reason(status: Mapping[str, Any]) -> str | None:
    """Why a container does not run, where that is not the ordinary course of a start."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or ():
            reason = _container_waits(container)
            if reason is not None:
                return reason
    return None


def _container_waits(container: Mapping[str, Any]) -> str | None:
    ended = _ended(container)
    if ended.get("reason") == "OOMKilled":
        # Nobody else says so: the kubelet goes on to CrashLoopBackOff, and a log that is cut off by
        # a SIGKILL holds no reason.
        return "OOMKilled"
    reason = ((container.get("state") or {}).get("waiting") or {}).get("reason")
    if reason and reason not in _NORMAL_WAITS:
        return str(reason)
    # In every moment: the kubelet says so for 0.2 s. Kubernetes 1.37 shows a container that waits
    # minutes for its next try as ended, and a pod that failed again and again was "starting".
    return "CrashLoopBackOff" if ended.get("exitCode") else None


def _last_words(status: Mapping[str, Any]) -> str:
    """What an init container said when it failed: ours tells what is wrong with the source."""
    for container in status.get("initContainerStatuses") or ():
        ended = _ended(container)
        if ended.get("exitCode") and ended.get("message"):
            return str(ended["message"]).strip().rpartition("\n")[2][:_LONGEST_WORDS]
    return ""


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How it ended: just now, or the last time before it was started again."""
    states = (container.get("state") or {}, container.get("lastState") or {})
    found = (state.get("terminated") for state in states)
    return next((ended for ended in found if ended), {})


def _rendered(deployment: RawObject, annotation: str) -> int | None:
    """A number that was rendered; None where it is absent or someone wrote nonsense over it."""
    text = (deployment["metadata"].get("annotations") or {}).get(annotation, "")
    return int(text) if _RENDERED.fullmatch(text) else None


def _fingerprint(deployment: RawObject) -> str | None:
    """What all of its pods run; None while some are of an older template, whose answers would be
    taken for those of the newer one."""
    meta, status = deployment["metadata"], _status(deployment)
    told = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    if not told or status.get("updatedReplicas", 0) != status.get("replicas", 0):
        return None
    found = (meta.get("annotations") or {}).get(ANNOTATION_FINGERPRINT)
    return None if found is None else str(found)


def _scalers(hpas: Iterable[RawObject], namespace: str) -> dict[str, str]:
    """Deployment name -> the scaler that writes its replicas.

    A ScaledObject comes before the HPA that KEDA makes of it: deleting that HPA mends nothing.
    """
    found: dict[str, str] = {}
    for raw in sorted(hpas, key=_scaler_rank):
        meta = raw["metadata"]
        spec = raw.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
        if not isinstance(target, Mapping):
            continue  # KEDA's own schema may change, and an object that it would refuse scales none
        if meta.get("namespace") == namespace and target.get("kind", "Deployment") == "Deployment":
            found.setdefault(str(target.get("name")), f"{_scaler_kind(raw)} {meta['name']}")
    return found


def _scaler_rank(raw: RawObject) -> tuple[bool, str]:
    return _scaler_kind(raw) != "ScaledObject", str(raw["metadata"]["name"])


def _scaler_kind(raw: RawObject) -> str:
    """The kind; items of a list response carry none, and an HPA says maxReplicas."""
    if raw.get("kind"):
        return str(raw["kind"])
    spec = raw.get("spec") or ()
    return "ScaledObject" if "triggers" in spec else "HorizontalPodAutoscaler"


def _status(raw: RawObject) -> Mapping[str, Any]:
    status: Mapping[str, Any] = raw.get("status") or {}
    return status


def _time_s(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None where there is none."""
    if not text:
        return None
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
