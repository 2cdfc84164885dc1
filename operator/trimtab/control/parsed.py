"""What was made of raw objects, kept for as long as they stay as they are.

A status is written once a minute and a pod tells of itself more often than that, while a spec stays
for weeks: to parse every spec in every tick took two thirds of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from trimtab.actuate.kinds import Kind
from trimtab.api.resources import InvalidResource, ObjectKey, RawObject

_Made = TypeVar("_Made")
_METADATA = ("name", "namespace", "uid", "generation")


class Parsed:
    """Parsed resources by kind and key."""

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, ObjectKey], tuple[RawObject, Any]] = {}

    def get(
        self, kind: Kind, key: ObjectKey, obj: RawObject, parse: Callable[[RawObject], _Made]
    ) -> _Made:
        """What `parse` makes of the object, or made of one whose spec was the same; raises
        InvalidResource.

        The same object as before, so that who compares can compare identities.
        """
        known = self._known.get((kind, key))
        if known is not None and _same(known[0], obj):
            made = known[1]
        else:
            try:
                made = parse(obj)
            except InvalidResource as error:
                made = error
        self._known[kind, key] = (obj, made)
        if isinstance(made, InvalidResource):
            raise made
        parsed: _Made = made
        return parsed

    def forget(self, kind: Kind, key: ObjectKey) -> None:
        """Drops what was made of an object that is gone."""
        self._known.pop((kind, key), None)


def _same(old: RawObject, new: RawObject) -> bool:
    """Whether both parse alike. The generation alone does not tell: a default that a newer CRD
    brings appears without one."""
    if old is new:
        return True
    before, after = old["metadata"], new["metadata"]
    return old.get("spec") == new.get("spec") and all(
        before.get(f) == after.get(f) for f in _METADATA
    )
