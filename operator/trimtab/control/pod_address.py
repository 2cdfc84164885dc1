"""Where a pod can be asked."""

from __future__ import annotations

from trimtab.api.resources import RawObject


def address_of(pod: RawObject, port: int) -> str | None:
    """Host and port of a pod; None where it has no address yet."""
    host = (pod.get("status") or {}).get("podIP")
    if not host:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
