"""Bringing the children to what is desired, with no write where nothing changes."""

from __future__ import annotations

import enum
from typing import Any, Protocol

from trimtab.actuate import names
from trimtab.actuate.children import owned_by
from trimtab.actuate.compare import is_subset
from trimtab.actuate.errors import NameTaken
from trimtab.actuate.kinds import MODEL_DEPLOYMENT, Kind, kind_of
from trimtab.api.resources import ModelDeployment, RawObject


class Applied(enum.StrEnum):
    """What became of one child."""

    UNCHANGED = "Unchanged"
    WRITTEN = "Written"
    TERMINATING = "Terminating"


class Api(Protocol):
    """What is needed of the API server; `client.KubeClient` has it."""

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> RawObject | None:
        """The live object, None where there is none."""

    async def server_side_apply(
        self, obj: RawObject, field_manager: str, *, force: bool = True
    ) -> dict[str, Any]:
        """Apply the object."""


async def apply_child(
    api: Api, md: ModelDeployment, desired: RawObject, cached: RawObject | None
) -> Applied:
    """Make one child what is desired; `cached` is what the cache holds under its name.

    Raises NameTaken where the name is another's: that object is left alone.
    """
    meta = desired["metadata"]
    live = cached
    if live is None:
        # The cache knows our children alone. Server-side apply makes an object or takes one over,
        # whichever; only a look tells a free name from a user's own Deployment.
        live = await api.find(kind_of(desired), meta["name"], meta["namespace"])
    if live is not None:
        check_owner(desired, live, md)
        if live["metadata"].get("deletionTimestamp"):
            return Applied.TERMINATING
        if not needs_apply(desired, live):
            return Applied.UNCHANGED
    await api.server_side_apply(desired, names.FIELD_MANAGER)
    return Applied.WRITTEN


def check_owner(desired: RawObject, live: RawObject, md: ModelDeployment) -> None:
    """Raises NameTaken where the live object is not this ModelDeployment's."""
    if owned_by(live, md.uid):
        return
    meta = desired["metadata"]
    what = f"{desired['kind']} {meta['namespace']}/{meta['name']}"
    owner = next(
        (r for r in live["metadata"].get("ownerReferences") or () if r.get("controller")), None
    )
    mend = f"delete it, or give the ModelDeployment {md.key.name!r} another name"
    if owner is None:
        raise NameTaken(what, "belongs to no ModelDeployment", mend)
    whose = f"{owner.get('kind')} {owner.get('name')!r}"
    if MODEL_DEPLOYMENT.named.items() <= owner.items() and owner.get("name") == md.key.name:
        raise NameTaken(
            what,
            f"belongs to an earlier {whose}",
            "it goes with its garbage collection, which takes seconds; delete it if it stays",
            passing=True,
        )
    raise NameTaken(what, f"belongs to {whose}", mend)


def needs_apply(desired: RawObject, live: RawObject) -> bool:
    """Whether a write would change anything that is ours.

    What is desired must lie in what is live, and the hash of what was last applied must be that
    of what is desired: the first sees another's hand in our fields, the second a field that is
    no longer desired and is still there.
    """
    wanted = dict(desired)
    wanted.pop("apiVersion", None)
    wanted.pop("kind", None)
    if desired["kind"] == "Deployment" and "strategy" in desired["spec"] and rolled_out(live):
        # It has an effect in a rollout alone, and whether an accelerator is free changes all the
        # time: written for its own sake, an idle fleet would be written every few seconds.
        wanted["spec"] = {k: v for k, v in desired["spec"].items() if k != "strategy"}
    return not is_subset(wanted, live)


def rolled_out(live: RawObject) -> bool:
    """Whether every replica of a live Deployment is of its newest template."""
    status = live.get("status") or {}
    replicas: int = live["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
        and status.get("updatedReplicas", 0) == status.get("replicas", 0) == replicas
    )


def is_rolling(live: RawObject) -> bool:
    """Whether a live Deployment that had a status before is not rolled out. One that is new has
    none, and no pods."""
    return bool((live.get("status") or {}).get("observedGeneration")) and not rolled_out(live)


def surge_for(live: RawObject | None, *, free: bool, unschedulable: int) -> bool:
    """Whether a rollout of that Deployment may add a pod before it removes one.

    `free`: one more replica of its class can be scheduled now; `unschedulable`: its pods that no
    node has room for. In a rollout the choice stands: its own surge pod takes the last free
    accelerator, and to step down then would remove a serving pod just before its successor is
    Ready. Only a surge pod that nothing has room for turns it back.
    """
    if live is None or rolled_out(live):
        return free
    rolling = (live["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    return rolling.get("maxSurge") not in (0, "0%") and unschedulable == 0
