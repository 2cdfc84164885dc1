"""The Job of a compression and its pods in, what they say out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from trimtab.api import told
from trimtab.api.resources import GROUP, ModelDeployment, ProfilePoint, RawObject
from trimtab.core.compression import JobSeen, Published, Report, source_hash

ANNOTATION_HASH = f"{GROUP}/source-hash"
LABEL_JOB_UID = "batch.kubernetes.io/controller-uid"
LABEL_INDEX = "batch.kubernetes.io/job-completion-index"
CONTAINER = "compress"

_MICROSECONDS = 1_000_000
_NORMAL_WAITS = ("ContainerCreating", "PodInitializing")
# Of a Job made a moment ago too; one that a quota or a webhook refuses stays so, without any other
# word of it outside its events.
_NO_PODS = "No worker was created yet: if that lasts, kubectl describe job tells why."


def job_seen(
    md: ModelDeployment, jobs: Iterable[RawObject], pods: Iterable[RawObject]
) -> JobSeen | None:
    """The Job that this very spec.compression asks for; None where there is none yet.

    A Job of another owner or of an earlier spec is passed over, and so are other pods.
    """
    job = next((j for j in jobs if _asked_for(j, md)), None)
    if job is None:
        return None
    uid = job["metadata"].get("uid")
    own = [p for p in pods if _labels(p).get(LABEL_JOB_UID) == uid]
    conditions = {
        c.get("type"): c
        for c in (job.get("status") or {}).get("conditions") or ()
        if c.get("status") == "True"
    }
    if "Complete" in conditions:
        report = _report(own, ok=True)
        if isinstance(report, str):
            return JobSeen(True, report)
        return JobSeen(True, "", report)
    if "Failed" in conditions:
        return _failed(conditions["Failed"], own)
    return JobSeen(None, _waits(own) if own else _NO_PODS)


def _asked_for(job: RawObject, md: ModelDeployment) -> bool:
    meta = job["metadata"]
    owners = meta.get("ownerReferences") or ()
    annotation = (meta.get("annotations") or {}).get(ANNOTATION_HASH)
    return (
        md.compression is not None
        and annotation == source_hash(md.compression)
        and any(o.get("uid") == md.uid and o.get("controller") for o in owners)
    )


def _report(pods: list[RawObject], *, ok: bool) -> Report | str:
    """What the first worker said at its end, or why nothing of it can be read."""
    ends = [
        end
        for pod in pods
        if _labels(pod).get(LABEL_INDEX) == "0" and (end := _terminated(pod)) is not None
    ]
    # RFC 3339 in UTC sorts as time does; an earlier try may have failed.
    said = sorted(
        (str(end.get("finishedAt", "")), str(end.get("message", "")))
        for end in ends
        if (end.get("exitCode") == 0) is ok
    )
    text = said[-1][1] if said else ""
    if not text:
        return "the first worker left no message in its pod's status"
    try:
        return _of(told.read(text))
    except told.UnreadableMessage as error:
        return f"the first worker's message cannot be read: {error}"


def _of(message: told.Told) -> Report:
    return Report(
        model=message.model or "",
        published=tuple(
            Published(
                variant.name,
                Decimal(variant.accuracy),
                tuple(
                    ProfilePoint(batch, microseconds / _MICROSECONDS)
                    for batch, microseconds in sorted(variant.us)
                ),
            )
            for variant in message.published
        ),
        refused=tuple(message.refused),
        thinned=message.thinned,
        error=message.error or "",
    )


def _failed(condition: Mapping[str, Any], pods: list[RawObject]) -> JobSeen:
    """What a user can act on comes first: a worker that ran out of memory says nothing itself, and
    the first one says only that it is gone."""
    for pod in pods:
        if (_terminated(pod) or {}).get("reason") == "OOMKilled":
            index = _labels(pod).get(LABEL_INDEX, "0")
            text = f"worker {index} ran out of memory: name an AcceleratorClass that has more"
            return JobSeen(False, text)
    report = _report(pods, ok=False)
    codes = sorted({str(t["exitCode"]) for p in pods if (t := _terminated(p)) and "exitCode" in t})
    exits = f" (exit codes: {', '.join(codes)}; kubectl logs tells more)" if codes else ""
    why = f"{condition.get('reason', 'Failed')}: {condition.get('message', '')}{exits}"
    return JobSeen(False, why, None if isinstance(report, str) else report)


def _waits(pods: list[RawObject]) -> str:
    """What a worker waits for, where that is not the ordinary course of a start."""
    for pod in pods:
        status = pod.get("status") or {}
        reasons = {c.get("type"): c.get("reason") for c in status.get("conditions") or ()}
        if reasons.get("PodScheduled") == "Unschedulable":
            return "No node has room for a worker: add nodes, or name another acceleratorClass."
        for container in status.get("containerStatuses") or ():
            reason = ((container.get("state") or {}).get("waiting") or {}).get("reason")
            if reason and reason not in _NORMAL_WAITS:
                return f"The kubelet says {reason} of a worker: kubectl describe tells more."
    return ""


def _terminated(pod: RawObject) -> Mapping[str, Any] | None:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            found: Mapping[str, Any] | None = (container.get("state") or {}).get("terminated")
            return found
    return None


def _labels(pod: RawObject) -> Mapping[str, str]:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return labels
