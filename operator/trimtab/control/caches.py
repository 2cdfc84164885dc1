"""What the cluster holds, as last seen: filled by listings, kept fresh by watch events.

Only the fields that decisions use are kept: a thousand pods in full are 20 MB of managedFields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.actuate import kinds, names
from trimtab.actuate.kinds import Kind
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.compact import compact
from trimtab.control.packed import Packed
from trimtab.control.parsed import Parsed
from trimtab.control.status_read import usable_status
from trimtab.core.memo import Memo

_WATCHED = (
    kinds.MODEL_DEPLOYMENT,
    kinds.ACCELERATOR_CLASS,
    kinds.INFERENCE_BUDGET,
    kinds.DEPLOYMENT,
    kinds.SERVICE,
    kinds.CONFIG_MAP,
    kinds.JOB,
    kinds.POD,
    kinds.NODE,
    kinds.HPA,
)


def watched(*, nodes: bool) -> tuple[Kind, ...]:
    """Kinds that every cluster with our CRDs has; `nodes` where they may be read."""
    return tuple(k for k in _WATCHED if nodes or k is not kinds.NODE)


OPTIONAL = (kinds.POD_MONITOR, kinds.SCALED_OBJECT, kinds.HTTP_ROUTE, kinds.TRAFFIC_POLICY)
"""Kinds of others' operators, which may come and go."""

OURS_ONLY = frozenset(kinds.CHILD_KINDS)
"""Kinds of which only our children are watched. Of pods all are: others take room on nodes too."""

OURS_SELECTOR = f"{names.MANAGED_BY_LABEL}={names.MANAGED_BY}"
"""Selects trimtab's own children, of whichever install."""


class Caches:
    """Raw objects by kind, namespace and name."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[ObjectKey, dict[str, Any]]] = {
            kind: {} for kind in (*_WATCHED, *OPTIONAL)
        }
        self._unknown: set[Kind] = set(OPTIONAL)
        self._owned: dict[str, dict[tuple[Kind, ObjectKey], RawObject]] = {}
        self.parsed = Parsed()
        self.memo = Memo()

    def all(self, kind: Kind) -> Iterable[RawObject]:
        """Every object of that kind."""
        return self._objects[kind].values()

    def get(self, kind: Kind, key: ObjectKey) -> RawObject | None:
        """One object, or None."""
        return self._objects[kind].get(key)

    def owned(self, uid: str) -> tuple[RawObject, ...]:
        """The objects of kinds that children are of, whose controller has that uid.

        Kept apart because each model asks for its own: a thousand models that look through the
        children of all take seconds a tick.
        """
        return tuple(self._owned.get(uid, {}).values())

    def generation(self, kind: Kind, obj: RawObject) -> int | None:
        """The generation that is known of that object; None where it is not known."""
        known = self.get(kind, key_of(obj))
        return known["metadata"].get("generation") if known and _same(known, obj) else None

    def put(self, kind: Kind, obj: RawObject) -> bool:
        """Notes an object as seen; False where something newer is known already.

        A listing and a watch run side by side; an older event must not undo what was just applied,
        or the next tick would apply it again.
        """
        key = key_of(obj)
        known = self._objects[kind].get(key)
        if known is not None and _same(known, obj):
            if _version(obj) < _version(known):
                return False
            if _version(obj) == _version(known) > 0:
                # The very same object stays, by which others know that nothing changed.
                return True
        kept = trimmed(kind, obj)
        if known is not None and _alike(known, kept):
            # A node that tells every five minutes that it is well, a pod whose probe was noted.
            known["metadata"]["resourceVersion"] = kept["metadata"]["resourceVersion"]
            return True
        if known is not None:
            self._disown(kind, key, known)
        self._objects[kind][key] = kept
        if (owner := _owner(kind, kept)) is not None:
            self._owned.setdefault(owner, {})[kind, key] = kept
        return True

    def kept(self, kind: Kind, obj: RawObject) -> dict[str, Any]:
        """What is kept of an object: what is known of it, where it is of the same version.

        A listing brings everything anew every few minutes, and hardly any of it is.
        """
        known = self._objects[kind].get(key_of(obj))
        if known is not None and _same(known, obj) and _version(obj) == _version(known) > 0:
            return known
        return trimmed(kind, obj)

    def drop(self, kind: Kind, obj: RawObject) -> None:
        """Notes an object as gone, unless another of the same name has come since."""
        key = key_of(obj)
        known = self._objects[kind].get(key)
        if known is not None and _same(known, obj):
            self._forget(kind, key)

    def knows(self, kind: Kind) -> bool:
        """Whether the cluster had the kind when it was last listed."""
        return kind not in self._unknown

    def absent(self, kind: Kind) -> None:
        """Notes that the cluster does not have the kind."""
        self.replace(kind, ())
        self._unknown.add(kind)

    def replace(self, kind: Kind, objects: Iterable[RawObject]) -> None:
        """Takes a whole listing: what is not in it is gone."""
        self._unknown.discard(kind)
        listed = {key_of(obj): obj for obj in objects}
        for key in [k for k in self._objects[kind] if k not in listed]:
            self._forget(kind, key)
        for obj in listed.values():
            self.put(kind, obj)

    def _forget(self, kind: Kind, key: ObjectKey) -> None:
        self._disown(kind, key, self._objects[kind].pop(key))
        self.parsed.forget(kind, key)

    def _disown(self, kind: Kind, key: ObjectKey, obj: RawObject) -> None:
        owner = _owner(kind, obj)
        if owner is None:
            return
        children = self._owned[owner]
        del children[kind, key]
        if not children:
            del self._owned[owner]


def key_of(obj: RawObject) -> ObjectKey:
    """Namespace (empty for cluster-scoped) and name."""
    return ObjectKey(obj["metadata"].get("namespace") or "", obj["metadata"]["name"])


def trimmed(kind: Kind, obj: RawObject) -> dict[str, Any]:
    """The object without what no decision reads."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    rest = {k: v for k, v in obj.items() if k != "metadata"}
    if kind is kinds.MODEL_DEPLOYMENT and not isinstance(rest.get("status"), Packed | None):
        rest["status"] = usable_status(rest["status"])
    elif kind is kinds.POD:
        rest = {"spec": _pod_spec(obj.get("spec") or {}), "status": _pod_status(obj)}
        metadata = _only(metadata, _POD_METADATA)
    elif kind is kinds.NODE:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        rest = {
            "spec": _only(spec, ("taints", "unschedulable")),
            "status": {
                **_only(status, ("allocatable",)),
                "conditions": _conditions(status),
            },
        }
        metadata = _only(metadata, ("name", "uid", "resourceVersion", "labels"))
    kept: dict[str, Any] = compact({**rest, **kind.named, "metadata": metadata})
    for part, at_hand in _AT_HAND.get(kind, {}).items():
        if isinstance(kept.get(part), dict):
            kept[part] = Packed(kept[part], at_hand)
    return kept


# What is kept packed of a kind, and what of that every tick reads.
_AT_HAND = {
    kinds.MODEL_DEPLOYMENT: {
        "spec": frozenset[str](),
        "status": frozenset({"compression", "outputCheck"}),
    },
    kinds.DEPLOYMENT: {"spec": frozenset({"replicas", "strategy"})},
}


_POD_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "creationTimestamp",
    "deletionTimestamp",
)


def _pod_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    containers = {
        field: [_only(c, ("name", "resources", "restartPolicy")) for c in spec.get(field) or ()]
        for field in ("containers", "initContainers")
    }
    return {**_only(spec, ("nodeName", "overhead", "resources")), **containers}


def _pod_status(obj: RawObject) -> dict[str, Any]:
    status = obj.get("status") or {}
    waiting = {
        field: [_only(c, ("name", "state", "lastState")) for c in status[field]]
        for field in ("containerStatuses", "initContainerStatuses")
        if status.get(field)
    }
    return {**_only(status, ("phase", "podIP")), "conditions": _conditions(status), **waiting}


def _conditions(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields = ("type", "status", "reason", "lastTransitionTime")
    return [_only(c, fields) for c in status.get("conditions") or ()]


def _only(obj: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {f: obj[f] for f in fields if f in obj}


def _owner(kind: Kind, obj: RawObject) -> str | None:
    """The uid of its controller; None for kinds that are no model's children."""
    if kind not in kinds.CHILD_KINDS:
        return None
    references = obj["metadata"].get("ownerReferences") or ()
    return next((r.get("uid") for r in references if r.get("controller")), None)


def _alike(known: RawObject, kept: RawObject) -> bool:
    """Whether both are the same but for their resource versions, as far as they are kept."""
    before, after = known["metadata"], kept["metadata"]
    return (
        before.get("resourceVersion") is not None
        and after.get("resourceVersion") is not None
        and {**before, "resourceVersion": ""} == {**after, "resourceVersion": ""}
        and all(known.get(f) == v for f, v in kept.items() if f != "metadata")
        and known.keys() == kept.keys()
    )


def _same(a: RawObject, b: RawObject) -> bool:
    return bool(a["metadata"].get("uid") == b["metadata"].get("uid"))


def _version(obj: RawObject) -> int:
    """Resource versions of one resource are comparable integers (KEP-5504)."""
    text = str(obj["metadata"].get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0
