"""Which pod is asked the sample, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from trimtab.api.resources import OutputCheck, RawObject
from trimtab.control.pod_address import address_of
from trimtab.core.agreement import disagrees
from trimtab.core.snapshot import Agreement, NoAnswer, Workload

AGAIN_S = 60.0
"""How long until a sample is read again, and a pod is tried again that gave no answer."""
_TEMPLATE_LABEL = "pod-template-hash"


class Askable(NamedTuple):
    """A pod that can be asked: its name, its address and of which pod template it is."""

    name: str
    address: str
    template: str


class Tried(NamedTuple):
    """The last try of a workload. `trouble`: why it gave no answer; None where it gave one."""

    fingerprint: str
    at_s: float
    trouble: NoAnswer | None


def next_pod(
    workload: Workload, pods: Iterable[RawObject], asked_s: Mapping[str, float], port: int
) -> Askable | None:
    """The Ready pod that was asked longest ago, so that in time every node's pods are; `asked_s` by
    name. None where none is Ready and has an address.
    """
    ready = {p.name for p in workload.pods if p.ready_s is not None and not p.terminating}
    found = [
        Askable(
            pod["metadata"]["name"],
            address,
            (pod["metadata"].get("labels") or {}).get(_TEMPLATE_LABEL, ""),
        )
        for pod in pods
        if pod["metadata"]["name"] in ready and (address := address_of(pod, port)) is not None
    ]
    return min(found, key=lambda pod: (asked_s.get(pod.name, 0.0), pod.name), default=None)


def is_due(
    workload: Workload,
    pod: Askable,
    known: Agreement | None,
    last: Tried | None,
    check: OutputCheck,
    now_s: float,
) -> bool:
    """Whether a workload is to be asked now, of which `known` is the newest answer.

    Not once it was found wrong: what answers alike is not asked again, or a variant would come and
    go with the pod that happens to be asked.
    """
    if workload.fingerprint is None:
        return False
    if last is not None and last.trouble is not None and now_s - last.at_s < AGAIN_S:
        return False
    if known is None or known.fingerprint != workload.fingerprint:
        return True
    if disagrees(known, check):
        return False
    return known.template != pod.template or now_s - known.at_s >= check.interval_s
