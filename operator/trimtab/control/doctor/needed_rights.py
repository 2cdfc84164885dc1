"""The rights that an operator uses: what the chart grants, no more and no less. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from trimtab.actuate import kinds
from trimtab.actuate.kinds import Kind
from trimtab.api.resources import ObjectKey

_READ = ("list", "watch")
_CHILD = ("get", "list", "watch", "create", "patch", "delete")
_CRD = Kind(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)

# Within a namespace that is served.
_SERVED: Sequence[tuple[Kind, str, Sequence[str]]] = (
    (kinds.MODEL_DEPLOYMENT, "", _READ),
    (kinds.MODEL_DEPLOYMENT, "status", ("patch",)),
    (kinds.INFERENCE_BUDGET, "", _READ),
    *((kind, "", _CHILD) for kind in kinds.CHILD_KINDS),
    (kinds.POD, "", _READ),
    (kinds.HPA, "", _READ),
    (kinds.SCALED_OBJECT, "", _READ),
    (kinds.EVENT, "", ("create",)),
)


class Right(NamedTuple):
    """One verb on one resource, or subresource; `namespace` empty: in all of them, or of none."""

    group: str
    resource: str
    verb: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def path(self) -> str:
        """The resource as a role names it."""
        return "/".join(filter(None, (self.resource, self.subresource)))

    @property
    def what(self) -> str:
        """The resource as kubectl names it."""
        return f"{self.path}.{self.group}" if self.group else self.path


def needed_rights(
    namespaces: Sequence[str],
    lease: ObjectKey,
    *,
    nodes: bool = True,
    absent: Collection[Kind] = (),
) -> Iterator[Right]:
    """For an operator that serves these namespaces (none: all of them).

    lease: where it leads by. absent: kinds that the cluster does not have, and on which a role of
    the user's own need say nothing.
    """
    for kind, subresource, verbs in _SERVED:
        if kind in absent:
            continue
        for namespace in namespaces or ("",):
            for verb in verbs:
                yield Right(kind.group, kind.plural, verb, namespace, subresource=subresource)
    for kind in _of_no_namespace(namespaces, nodes):
        for verb in _READ:
            yield Right(kind.group, kind.plural, verb)
    group, plural = kinds.LEASE.group, kinds.LEASE.plural
    yield Right(group, plural, "create", lease.namespace)
    for verb in ("get", "update"):
        yield Right(group, plural, verb, lease.namespace, lease.name)


def _of_no_namespace(namespaces: Sequence[str], nodes: bool) -> Iterator[Kind]:
    yield kinds.ACCELERATOR_CLASS
    yield _CRD  # by which kopf learns of kinds that come and go
    if namespaces:
        yield kinds.NAMESPACE
    if nodes:
        yield kinds.NODE
