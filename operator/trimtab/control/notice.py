"""What a watch event changes, and whether a decision should not wait its turn for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.actuate import kinds, names
from trimtab.actuate.kinds import Kind
from trimtab.api.resources import RawObject
from trimtab.control.caches import Caches, key_of
from trimtab.core.snapshot import WorkloadKey

_PROMISES = frozenset({kinds.MODEL_DEPLOYMENT, kinds.ACCELERATOR_CLASS, kinds.INFERENCE_BUDGET})


def noted(caches: Caches, kind: Kind, event: Mapping[str, Any]) -> bool:
    """Notes a watch event in the caches. True where a decision should come now: a promise changed,
    or a workload lost its last pod that serves.

    Behind a gateway the share of a workload without one is answered with 503 until the route says
    otherwise: of a small fleet one killed pod lost 24 requests in the 5 s to the next tick.
    """
    obj = event["object"]
    before, generation = caches.get(kind, key_of(obj)), caches.generation(kind, obj)
    gone = event.get("type") == "DELETED"
    if gone:
        caches.drop(kind, obj)
    else:
        caches.put(kind, obj)
    if kind is kinds.POD:
        return before is not None and _serves(before) and not _is_served(caches, before)
    return kind in _PROMISES and (gone or generation != obj["metadata"].get("generation"))


def _serves(pod: RawObject) -> bool:
    metadata, conditions = pod["metadata"], pod["status"].get("conditions") or ()
    if metadata.get("deletionTimestamp") or names.workload_key(_labels(pod)) is None:
        return False
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _is_served(caches: Caches, lost: RawObject) -> bool:
    workload = _workload(lost)
    return any(_workload(pod) == workload and _serves(pod) for pod in caches.all(kinds.POD))


def _workload(pod: RawObject) -> tuple[str | None, str | None, WorkloadKey | None]:
    """Namespace, ModelDeployment, and which of its workloads."""
    labels = _labels(pod)
    model = labels.get(names.MODEL_DEPLOYMENT_LABEL)
    return pod["metadata"].get("namespace"), model, names.workload_key(labels)


def _labels(pod: RawObject) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}
