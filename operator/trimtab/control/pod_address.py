"""Where pods can be asked."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.actuate import kinds
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.caches import Caches
from trimtab.core.snapshot import ModelState


def serving_addresses(caches: Caches, state: ModelState, port: int) -> Iterator[tuple[str, str]]:
    """Name and address of each of the model's pods that is Ready and stays."""
    for pod in (pod for workload in state.workloads for pod in workload.pods):
        if pod.ready_s is None or pod.terminating:
            continue
        raw = caches.get(kinds.POD, ObjectKey(state.spec.key.namespace, pod.name))
        address = None if raw is None else address_of(raw, port)
        if address is not None:
            yield pod.name, address


def address_of(pod: RawObject, port: int) -> str | None:
    """Host and port of a pod; None where it has no address yet."""
    host = (pod.get("status") or {}).get("podIP")
    if not host:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
