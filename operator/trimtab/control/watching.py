"""Which kinds kopf watches, with the mend where it missed that one was installed.

kopf asks the API server for its kinds whenever a CRD changes, and may be answered before the new
one is served: of a Gateway API that came after trimtab no route was watched until, minutes later,
some other CRD of the group changed. What kopf watches is what is in its insights, and its watches
follow them.
"""

from __future__ import annotations

from kopf._cogs.structs.references import Insights, Resource

from trimtab.actuate.kinds import Kind

_VERBS = frozenset({"list", "watch", "patch"})


class Watching:
    """The kinds that kopf watches; `insights` is what kopf is to be run with."""

    def __init__(self) -> None:
        self.insights = Insights()

    def covers(self, kind: Kind) -> bool:
        """Whether kopf watches it."""
        return _resource(kind) in self.insights.watched_resources

    async def begin(self, kind: Kind) -> None:
        """Has kopf watch a kind that the API server serves."""
        async with self.insights.revised:
            self.insights.watched_resources.add(_resource(kind))
            self.insights.revised.notify_all()


def _resource(kind: Kind) -> Resource:
    group, _, version = kind.api_version.rpartition("/")
    return Resource(
        group, version, kind.plural, kind=kind.kind, namespaced=kind.namespaced, verbs=_VERBS
    )
