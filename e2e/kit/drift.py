"""What a GitOps tool would see: whether Git's manifests and the live objects differ, and who wrote
what of them."""

from __future__ import annotations

from typing import Any

from e2e.kit.access import Access, listed

# Argo CD's own field manager; its server-side diff is this dry run.
_AS_ARGO_CD = ("diff", "--server-side", "--field-manager=argocd-controller", "-f", "-")
STATUS_MANAGER = "trimtab-status"


def drift(access: Access, *manifests: Any) -> str:
    """What applying them anew would change; empty where nothing."""
    return access.kubectl(*_AS_ARGO_CD, stdin=listed(manifests), check=False)


def apply_as_argo_cd(access: Access, *manifests: Any) -> None:
    """Applies them as Argo CD does with ServerSideApply=true."""
    manager = ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")
    access.kubectl("apply", *manager, "-f", "-", stdin=listed(manifests))


def written_by_trimtab(access: Access, *which: str) -> dict[str, list[str]]:
    """By `MANAGER/SUBRESOURCE`, the top-level fields of an object that trimtab's managers own."""
    live = access.json(*which, "--show-managed-fields")
    return {
        f"{entry['manager']}/{entry.get('subresource', '')}": sorted(entry["fieldsV1"])
        for entry in live["metadata"]["managedFields"]
        if entry["manager"].startswith("trimtab")
    }
