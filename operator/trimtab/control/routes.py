"""The route of a model behind a gateway, as the caches have it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trimtab.actuate import kinds, names
from trimtab.actuate.children import owned_by
from trimtab.actuate.route import listed, parents
from trimtab.actuate.traffic_policy import is_envoy_gateway
from trimtab.api.resources import ModelDeployment, ObjectKey, RawObject, Routing
from trimtab.control.caches import Caches
from trimtab.core.snapshot import Route, RouteTrouble

_Told = Mapping[str, Any]

_NOT_INSTALLED = RouteTrouble(
    "GatewayApiMissing",
    "spec.routing.type is Gateway, but this cluster has no HTTPRoute"
    " (gateway.networking.k8s.io/v1): install the CRDs of the Gateway API, or use type: Service.",
)
_MENDS = {
    "NotAllowedByListeners": "Let allowedRoutes of the Gateway's listener admit this namespace.",
    "NoMatchingListenerHostname": "Give spec.routing.hostnames that a listener serves.",
    "NoMatchingParent": "Name a listener of the Gateway in spec.routing.parentRef.sectionName.",
    "UnsupportedValue": "The variant's header is a filter on a backendRef: use a Gateway whose"
    " controller takes those, such as Envoy Gateway, or type: Service.",
    "IncompatibleFilters": "The variant's header is a filter on a backendRef: use a Gateway whose"
    " controller takes those, such as Envoy Gateway, or type: Service.",
}


def route_of(
    caches: Caches, md: ModelDeployment, shadowed_by: ObjectKey | None = None
) -> Route | None:
    """The model's HTTPRoute; None where it is behind a Service. `shadowed_by`: see shadows."""
    if md.routing.parent is None:
        return None
    if not caches.knows(kinds.HTTP_ROUTE):
        return Route(trouble=_NOT_INSTALLED)
    live = _live(caches, md)
    if live is None:
        return Route()
    told, generation = parents(live, md), live["metadata"].get("generation", 0)
    # What a controller that was since removed has said stays in the status for ever.
    now = [t for t in told if _verdict(t, "Accepted").get("observedGeneration", 0) >= generation]
    taken = bool(now) or not told
    trouble = _trouble(md, live, now) if taken else None
    if trouble is None and shadowed_by is not None:
        trouble = _shadowed(md, shadowed_by)
    return Route(listed(live), taken, trouble)


def shadows(caches: Caches, specs: Iterable[ModelDeployment]) -> dict[ObjectKey, ObjectKey]:
    """Models whose requests a Gateway sends to another: of routes that match the same it takes the
    oldest, then the first by name.

    The counter-example: one model in two namespaces on one Gateway. The second is never called,
    until the first is made anew, and then it answers in its place.
    """
    rivals: dict[tuple[str, str, str], list[tuple[str, ModelDeployment]]] = defaultdict(list)
    for md in specs:
        parent = md.routing.parent
        live = None if parent is None else _live(caches, md)
        if parent is not None and live is not None:
            since = live["metadata"].get("creationTimestamp", "")
            rivals[parent.namespace, parent.name, md.model].append((since, md))
    found = {}
    for group in rivals.values():
        ranked = [md for _, md in sorted(group, key=lambda entry: (entry[0], entry[1].key))]
        for i, md in enumerate(ranked):
            first = next((o.key for o in ranked[:i] if _meet(o.routing, md.routing)), None)
            if first is not None:
                found[md.key] = first
    return found


def _meet(one: Routing, other: Routing) -> bool:
    """Whether both match a request to the same listener under the same name."""
    sections = {r.parent.section_name for r in (one, other) if r.parent}
    same_names = not (one.hostnames or other.hostnames) or set(one.hostnames) & set(other.hostnames)
    return (len(sections) == 1 or None in sections) and bool(same_names)


def _shadowed(md: ModelDeployment, first: ObjectKey) -> RouteTrouble:
    text = (
        f"Gateway {md.routing.parent} sends requests for model {md.model} to ModelDeployment"
        f" {first}, whose route is older: give one of them spec.routing.hostnames of its own."
    )
    return RouteTrouble("RouteShadowed", text)


def routed_by_envoy(caches: Caches, md: ModelDeployment) -> bool:
    """Whether Envoy Gateway has taken the model's route."""
    live = _live(caches, md)
    return live is not None and is_envoy_gateway(parents(live, md))


def _live(caches: Caches, md: ModelDeployment) -> RawObject | None:
    """The HTTPRoute, if it is this ModelDeployment's; another's is left to apply_child."""
    live = caches.get(kinds.HTTP_ROUTE, ObjectKey(md.key.namespace, names.service_name(md)))
    return live if live is not None and owned_by(live, md.uid) else None


def _trouble(md: ModelDeployment, live: RawObject, told: Sequence[_Told]) -> RouteTrouble | None:
    what = f"HTTPRoute {md.key.namespace}/{live['metadata']['name']}"
    if not told:
        text = (
            f"No controller has taken {what} yet: see that Gateway {md.routing.parent} exists, and"
            " that the controller of its GatewayClass runs."
        )
        return RouteTrouble("RouteNotTaken", text, lasting=False)
    for type_, reason, lasting in (
        ("Accepted", "RouteNotAccepted", True),
        ("ResolvedRefs", "RouteNotResolved", False),
    ):
        verdicts = [_verdict(t, type_) for t in told]
        if all(v.get("status") == "False" for v in verdicts):
            found = verdicts[0]
            mend = _MENDS.get(found.get("reason", ""), "See what kubectl describe tells of it.")
            text = (
                f"Gateway {md.routing.parent} does not route by {what}: {found.get('reason')}"
                f" ({found.get('message')}). {mend}"
            )
            return RouteTrouble(reason, text, lasting)
    return None


def _verdict(told: _Told, type_: str) -> _Told:
    found = (c for c in told.get("conditions") or () if c.get("type") == type_)
    return next(found, {})
