"""The full listing of one kind: the base that watch events build on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from trimtab.actuate.client import KubeClient
from trimtab.actuate.client_errors import Forbidden
from trimtab.actuate.kinds import Kind
from trimtab.control.caches import OPTIONAL, OURS_ONLY, OURS_SELECTOR, Caches


async def list_into(
    caches: Caches,
    kube: KubeClient,
    kind: Kind,
    namespaces: Sequence[str] = (),
    *,
    may_be_hidden: Collection[Kind] = (),
) -> None:
    """Lists a kind into the caches, or notes that the cluster does not have it.

    namespaces: empty for all of them. may_be_hidden: kinds of which what may not be read counts as
    not there; of the others Forbidden is raised.
    """
    if kind in OPTIONAL and not await kube.has_kind(kind):
        caches.absent(kind)
        return
    selector = OURS_SELECTOR if kind in OURS_ONLY else None
    listed: list[dict[str, Any]] = []
    for namespace in (namespaces if kind.namespaced else ()) or (None,):
        try:
            items, _ = await kube.list(
                kind, namespace, label_selector=selector, keep=partial(caches.kept, kind)
            )
        except Forbidden:
            if kind not in may_be_hidden:
                raise
            continue
        listed.extend(items)
    caches.replace(kind, listed)
