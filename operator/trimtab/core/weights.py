"""How a gateway splits one model's traffic over its workloads: what is Ready takes its share.

Workloads that may stay are filled before any that may not (below the floor, or gone from the spec);
under MaximizeAccuracy the more accurate before the less. Each group is filled up to what its Ready
replicas carry of what arrives, and within a group by capacity, so that none is overloaded while
another idles. Beyond all capacity everybody takes alike.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from trimtab.api.resources import Objective, RoutingType
from trimtab.core.optimise.score import TRAFFIC_MARGIN
from trimtab.core.option import Option
from trimtab.core.plan import Target
from trimtab.core.snapshot import ModelState, WorkloadKey

_ALL = 100
_RATE_STEP = 1.1  # weights move when the load does by so much, and not with each reading


@dataclass(frozen=True, slots=True)
class _Backend:
    """pods: that take requests from now on. carries: requests/s of all of them; infinite where that
    is not known."""

    target: Target
    pods: int
    carries: float


def routed(
    state: ModelState,
    options: Mapping[WorkloadKey, Option],
    rate: float | None,
    targets: Sequence[Target],
) -> tuple[Target, ...]:
    """The targets, with weights where a gateway routes; see `weighted`."""
    if state.spec.routing.type is not RoutingType.GATEWAY:
        return tuple(targets)
    return weighted(state, options, rate, targets)


def weighted(
    state: ModelState,
    options: Mapping[WorkloadKey, Option],
    rate: float | None,
    targets: Sequence[Target],
) -> tuple[Target, ...]:
    """The targets with weights that sum to 100; one that has no Ready pod weighs 0.

    options: those that may stay. rate: the load that arrives, items per second; None where unknown.
    While nothing is Ready, the replicas asked for stand in for the Ready ones.
    """
    backends = [_backend(t, options, min(state.workload(t.key).ready, t.replicas)) for t in targets]
    if not any(b.pods for b in backends):
        backends = [_backend(t, options, t.replicas) for t in targets]
    serving = [b for b in backends if b.pods]
    shares: dict[WorkloadKey, float] = {}
    left, load = 1.0, _stepped(rate)
    # Where nobody knows what arrives, none is filled before another.
    accurate = state.spec.objective is Objective.MAXIMIZE_ACCURACY and rate is not None
    groups = _groups(options, serving, accurate=accurate)
    for group in groups:
        carries = sum(b.carries for b in group)
        part = left if not load else min(left, carries / load)
        shares |= _split(group, part)
        left -= part
    whole = _whole(shares, {k for k in shares if k in options})
    return tuple(t._replace(weight=whole.get(t.key, 0)) for t in targets)


def _backend(target: Target, options: Mapping[WorkloadKey, Option], pods: int) -> _Backend:
    option = options.get(target.key)
    known = option is not None and option.capacity_rate
    return _Backend(target, pods, pods * known if known else math.inf)


def _groups(
    options: Mapping[WorkloadKey, Option], serving: Sequence[_Backend], *, accurate: bool
) -> list[list[_Backend]]:
    """Those to be filled first, first; none is empty."""
    ranks: dict[tuple[bool, float], list[_Backend]] = {}
    for backend in serving:
        option = options.get(backend.target.key)
        worse = -float(option.accuracy) if option is not None and accurate else 0.0
        ranks.setdefault((option is None, worse), []).append(backend)
    return [ranks[rank] for rank in sorted(ranks)]


def _split(group: Sequence[_Backend], part: float) -> dict[WorkloadKey, float]:
    """By what each carries; by pods where that is not known of all."""
    known = all(math.isfinite(b.carries) for b in group)
    sizes = [b.carries if known else float(b.pods) for b in group]
    return {b.target.key: part * n / sum(sizes) for b, n in zip(group, sizes, strict=True)}


def _stepped(rate: float | None) -> float:
    """The load, up to the next step: what changes a route is written to the gateway."""
    if not rate or rate <= 0.0 or not math.isfinite(rate):
        return 0.0
    return float(_RATE_STEP ** math.ceil(math.log(rate * TRAFFIC_MARGIN, _RATE_STEP)))


def _whole(
    shares: Mapping[WorkloadKey, float], least: Collection[WorkloadKey]
) -> dict[WorkloadKey, int]:
    """Shares as whole percents that sum to 100, by the largest remainders.

    `least`: those that weigh 1 at least. A gateway whose backend falls to 0 fails requests that are
    on their way to it.
    """
    total = sum(shares.values())
    if total <= 0.0:
        return {}
    exact = {key: _ALL * share / total for key, share in shares.items()}
    whole = {key: max(int(x), int(key in least)) for key, x in exact.items()}
    while (over := sum(whole.values()) - _ALL) != 0:
        step = -1 if over > 0 else 1
        movable = [k for k, n in whole.items() if step > 0 or n > int(k in least)]
        key = max(movable, key=lambda k: (step * (exact[k] - whole[k]), k))
        whole[key] += step
    return whole
