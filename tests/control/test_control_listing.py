"""What a listing brings into the caches: what the cluster has, what is ours, what may be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trimtab.actuate import kinds
from trimtab.actuate.client_errors import Forbidden
from trimtab.actuate.kinds import Kind
from trimtab.control.caches import Caches
from trimtab.control.listing import list_into


class OneOfEach:
    """An API server with one object of every kind in every namespace, of which one is hidden."""

    def __init__(self, *, without: Sequence[Kind] = (), hidden: str = "") -> None:
        self._without = without
        self._hidden = hidden
        self.asked: list[tuple[str | None, str | None]] = []

    async def has_kind(self, kind: Kind) -> bool:
        return kind not in self._without

    async def list(
        self, kind: Kind, namespace: str | None, *, label_selector: str | None, **_: Any
    ) -> tuple[list[dict[str, Any]], str]:
        self.asked.append((namespace, label_selector))
        if kind in self._without or namespace == self._hidden:
            raise Forbidden("GET", 403, "Forbidden", f"cannot list {kind.plural}")
        meta = {"name": f"in-{namespace}", "namespace": namespace, "uid": f"{namespace}"}
        return [{**kind.named, "metadata": meta}], "1"


async def listed(server: Any, kind: Kind, *namespaces: str, **how: Any) -> tuple[Caches, list[str]]:
    """The caches afterwards, and the names of what is in them."""
    caches = Caches()
    await list_into(caches, server, kind, namespaces, **how)
    return caches, sorted(obj["metadata"]["name"] for obj in caches.all(kind))


async def test_a_kind_of_others_is_listed_where_the_cluster_has_it() -> None:
    caches, found = await listed(OneOfEach(), kinds.SCALED_OBJECT)
    assert (caches.knows(kinds.SCALED_OBJECT), found) == (True, ["in-None"])


async def test_and_is_not_asked_for_where_the_cluster_has_it_not() -> None:
    server = OneOfEach(without=[kinds.SCALED_OBJECT])
    caches, found = await listed(server, kinds.SCALED_OBJECT)
    assert (caches.knows(kinds.SCALED_OBJECT), found, server.asked) == (False, [], [])


async def test_namespaces_are_asked_one_by_one_and_nodes_of_none() -> None:
    server = OneOfEach()
    _, found = await listed(server, kinds.POD, "shop", "lab")
    assert (found, server.asked) == (["in-lab", "in-shop"], [("shop", None), ("lab", None)])
    server.asked.clear()
    await listed(server, kinds.NODE, "shop")
    assert server.asked == [(None, None)]


async def test_of_what_trimtab_makes_its_own_are_asked_for() -> None:
    server = OneOfEach()
    await listed(server, kinds.DEPLOYMENT)
    assert server.asked == [(None, "app.kubernetes.io/managed-by=trimtab")]


async def test_what_is_hidden_is_an_error_or_not_there_as_the_caller_says() -> None:
    with pytest.raises(Forbidden):
        await listed(OneOfEach(hidden="lab"), kinds.JOB, "lab", "shop")
    _, found = await listed(
        OneOfEach(hidden="lab"), kinds.JOB, "lab", "shop", may_be_hidden=[kinds.JOB]
    )
    assert found == ["in-shop"]
