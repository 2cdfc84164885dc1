"""Which workloads a gateway's route lists, in which places, and who may not lose its pods yet.

A place is an index of the route's list. A gateway may keep one backend for each index (Envoy
Gateway does), so a workload stays in its place: were the first of two taken out, the requests on
their way to the second would go to a backend that is gone. What leaves gives its weight away first,
then its place, and then its pods; each step needs only what the cluster shows, so that a crash
loses none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.core.plan import Constraint, Target
from trimtab.core.snapshot import Backend, ModelState, Route, WorkloadKey

PERCENT = 100
"""Weight of one percent of the traffic."""
LEAST = 1
"""Weight of what leaves: one request in ten thousand. A backend whose weight falls to 0 fails those
that are on their way to it."""
MAX_BACKENDS = 16
"""As many as Gateway API takes in one rule."""


def next_backends(
    state: ModelState, targets: Sequence[Target], *, behind: bool = False
) -> tuple[Backend, ...]:
    """The list to write, from the one that stands in the cluster; empty where there is no route.

    While nothing is Ready it stays as it is: what comes back serves at once. behind: the gateway
    may not know yet which pods there are; see core.behind.
    """
    route = state.route
    if route is None:
        return ()
    serving = {w.key: w.ready for w in state.workloads if w.ready}
    shares = _shares(targets, serving)
    if behind and (known := _known(route, serving)):
        # Envoy Gateway hears of a route before it hears of pods: it takes the list, and who comes
        # would have all the traffic and no pod that it knows of.
        stay = {k: n for k, n in shares.items() if k in known} or known
        return _weighed(route, [b.key for b in route.backends], stay)
    if not serving:
        if route.backends:
            return route.backends
        shares = {t.key: t.weight * PERCENT for t in targets if t.weight}
    if not shares:
        return route.backends
    return _weighed(route, _places(route, shares), _eased(route, shares, serving))


def kept_while_listed(
    state: ModelState, targets: Sequence[Target], backends: Sequence[Backend]
) -> tuple[tuple[Target, ...], tuple[Constraint, ...]]:
    """The targets, with the replicas of what serves and would shrink too early: to nothing while
    `backends` lists it, or at all while who comes has no share yet. The counter-example of the
    latter: one of two replicas went when another variant was Ready, and for one tick more all
    requests were sent to the one that was left. A gateway that does not take the list holds nothing
    back for it: a budget that was cut must be obeyed without a controller too.

    Where nothing else serves, what is to go goes: its place on a full class may be all that what
    follows it waits for.
    """
    serving = [t.key for t in targets if t.weight and state.workload(t.key).ready]
    if not serving:
        return tuple(targets), ()
    shares = _sent(backends)
    entering = [key for key in serving if shares.get(key, LEAST + 1) <= LEAST]
    coming = entering if state.route and state.route.taken else []
    kept, notes = [], []
    for target in targets:
        workload, replicas = state.workload(target.key), target.replicas
        shrinks = replicas < workload.replicas and workload.ready and target.key in shares
        if shrinks and (not replicas or (coming and target.key not in coming)):
            replicas = workload.replicas
            until = f"sends {coming[0]} its share" if coming else "lists it no more"
            notes.append(Constraint("RouteFirst", f"{target.key} serves until the route {until}"))
        kept.append(target._replace(replicas=replicas))
    return tuple(kept), tuple(notes)


def _sent(backends: Sequence[Backend]) -> dict[WorkloadKey, int]:
    """The weight of each that is listed; of several places the greatest."""
    return {b.key: b.weight for b in sorted(backends, key=lambda b: b.weight)}


def _shares(
    targets: Sequence[Target], serving: Mapping[WorkloadKey, int]
) -> dict[WorkloadKey, int]:
    """Weights of what stays: of the plan, as far as it serves; where nothing of the plan does, all
    that serves takes its part, by its pods. The counter-example: the last Ready pod is to make room
    for one that is not Ready yet, and all requests would go to the new one."""
    planned = {t.key: t.weight * PERCENT for t in targets if t.weight and t.key in serving}
    if planned:
        return planned
    total = sum(serving.values())
    return {key: max(LEAST, PERCENT * PERCENT * n // total) for key, n in serving.items()}


def _eased(
    route: Route, shares: Mapping[WorkloadKey, int], serving: Mapping[WorkloadKey, int]
) -> Mapping[WorkloadKey, int]:
    """The weights, but the least for who comes, until the gateway has taken the list with it; where
    nobody else stays, those that leave serve until then.

    A gateway may send requests to a backend before it knows its pods: Envoy answered with 500
    (`cluster_not_found`), one request in some fifteen thousand of a load that moved variants.
    """
    known = {b.key: b.weight for b in route.backends if route.taken or b.weight > LEAST}
    least = {key: LEAST for key in shares if key not in known}
    if shares.keys() & known.keys():
        return {**shares, **least}
    # Who serves at the least weight takes nothing over: all that is sent goes to who does not.
    as_before = {key: w for key, w in known.items() if key in serving and w > LEAST}
    return {**as_before, **least} if as_before else shares


def _known(route: Route, serving: Mapping[WorkloadKey, int]) -> dict[WorkloadKey, int]:
    """Weights of what serves and had more than the least: the gateway has sent it requests."""
    return {b.key: b.weight for b in route.backends if b.weight > LEAST and b.key in serving}


def _weighed(
    route: Route, keys: Sequence[WorkloadKey], weights: Mapping[WorkloadKey, int]
) -> tuple[Backend, ...]:
    """The list of those places; each has its weight in one of them, and the least in the others."""
    return tuple(
        Backend(key, max(LEAST, weights.get(key, LEAST)) if i == _main(route, keys, key) else LEAST)
        for i, key in enumerate(keys)
    )


def _main(route: Route, keys: Sequence[WorkloadKey], key: WorkloadKey) -> int:
    """Of several places of one workload the first, once the gateway knows it there: a place that
    changed hands a moment ago may still lead to the pods of who had it."""
    places = [i for i, k in enumerate(keys) if k == key]
    live = [i for i in places if i < len(route.backends) and route.backends[i].key == key]
    known = [i for i in live if route.taken or route.backends[i].weight > LEAST]
    return (known or places)[0]


def _places(route: Route, shares: Mapping[WorkloadKey, int]) -> list[WorkloadKey]:
    """Whose each place is. A free one goes to who comes, else to who takes most; at the end of the
    list it goes. It is free once the gateway sends it as good as nothing."""
    heir = max(shares, key=lambda key: (shares[key], key))
    listed = {b.key for b in route.backends}
    coming = [key for key in shares if key not in listed]
    keys: list[WorkloadKey] = []
    spare: list[bool] = []
    for backend in route.backends:
        stays = backend.key in shares and backend.key not in keys
        free = not stays and backend.weight <= LEAST and route.taken
        successor = coming.pop(0) if free and coming else None
        keys.append(successor or (heir if free else backend.key))
        spare.append(free and successor is None)
    while spare and spare[-1] and keys[-1] in keys[:-1]:
        keys.pop()
        spare.pop()
    if len(keys) == MAX_BACKENDS and not shares.keys() & set(keys):
        keys[0] = heir  # the list is full of what leaves, and nothing that answers was on it
    return keys + coming[: MAX_BACKENDS - len(keys)]
