"""How many more replicas of a class the nodes can hold: what the scheduler would find, counted.

Pure. It counts room, not placement rules of others (affinity, topology spread, quotas): the number
bounds growth and is no promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.api.quantity import InvalidQuantity, parse_quantity
from trimtab.api.resources import AcceleratorClass, RawObject, Toleration

_Amounts = dict[str, Decimal]
_UNBOUNDED = 1_000_000
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class _Node:
    """A node that takes pods: its labels, the taints that repel, and what is free on it."""

    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    free: Mapping[str, Decimal]


def schedulable_replicas(
    accelerator_class: AcceleratorClass, nodes: Sequence[RawObject], pods: Sequence[RawObject]
) -> int:
    """How many more pods that ask for the class's resources fit now.

    `nodes` and `pods` are raw Node and Pod objects of the whole cluster. Raises InvalidQuantity
    where an amount that matters cannot be read; the message names the object.
    """
    return schedulable_by_class([accelerator_class], nodes, pods)[accelerator_class.name]


def schedulable_by_class(
    classes: Iterable[AcceleratorClass], nodes: Sequence[RawObject], pods: Sequence[RawObject]
) -> dict[str, int]:
    """As `schedulable_replicas`, for many classes over one pass of the pods.

    The classes are counted one by one: two that ask for the same device both count it.
    """
    open_nodes = _open_nodes(nodes, pods)
    return {c.name: sum(_fits(c, node) for node in open_nodes) for c in classes}


def pod_requests(pod: RawObject) -> dict[str, Decimal]:
    """What a pod's requests take from its node, by resource, as the scheduler counts them.

    The larger of all containers together and of the hungriest moment of its start: each init
    container runs alone, beside the sidecars (restartPolicy Always) that started before it. Then
    pod-level requests replace the sum, and the runtime class's overhead is added.
    """
    spec = pod.get("spec") or {}
    sidecars: _Amounts = {}
    peak: _Amounts = {}
    for container in spec.get("initContainers") or ():
        asked = _requests(container)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, asked)
            _raise_to(peak, sidecars)
        else:
            _add(asked, sidecars)
            _raise_to(peak, asked)
    total = dict(sidecars)
    for container in spec.get("containers") or ():
        _add(total, _requests(container))
    _raise_to(total, peak)
    total.update(_requests(spec))
    _add(total, _amounts(spec.get("overhead")))
    return total


def _open_nodes(nodes: Sequence[RawObject], pods: Sequence[RawObject]) -> list[_Node]:
    taking = {n["metadata"]["name"]: n for n in nodes if _takes_pods(n)}
    used: dict[str, _Amounts] = {name: {} for name in taking}
    for pod in pods:
        # A pod without a node is in the queue. It takes nothing yet, and charging it to some node
        # would be a guess; the plan counts its own pending replicas beside this number.
        on = used.get((pod.get("spec") or {}).get("nodeName") or "")
        if on is not None and (pod.get("status") or {}).get("phase") not in _ENDED:
            _add(on, _named(pod, pod_requests))
            _add(on, {"pods": Decimal(1)})
    return [_open_node(node, used[name]) for name, node in taking.items()]


def _open_node(node: RawObject, used: _Amounts) -> _Node:
    allocatable = _named(node, lambda n: _amounts((n.get("status") or {}).get("allocatable")))
    free = {name: amount - used.get(name, Decimal(0)) for name, amount in allocatable.items()}
    taints = tuple(
        t
        for t in (node.get("spec") or {}).get("taints") or ()
        if t.get("effect") in ("NoSchedule", "NoExecute")  # PreferNoSchedule repels no pod
    )
    return _Node(node["metadata"].get("labels") or {}, taints, free)


def _takes_pods(node: RawObject) -> bool:
    if (node.get("spec") or {}).get("unschedulable") or node["metadata"].get("deletionTimestamp"):
        return False
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _fits(wanted: AcceleratorClass, node: _Node) -> int:
    if any(node.labels.get(key) != value for key, value in wanted.node_selector):
        return 0
    if not all(any(_tolerates(t, taint) for t in wanted.tolerations) for taint in node.taints):
        return 0
    asked = {name: _class_amount(wanted, name, text) for name, text in wanted.resources}
    asked["pods"] = Decimal(1)
    return min(_times(node.free.get(k, Decimal(0)), n) for k, n in asked.items() if n > 0)


def _times(free: Decimal, amount: Decimal) -> int:
    """How often `amount` (above 0) fits. Decimal divides no further than it has digits: a node that
    says it has 1e99 cores once ended every decision."""
    if free >= amount * _UNBOUNDED:
        return _UNBOUNDED
    return int(max(free, Decimal(0)) // amount)


def _class_amount(wanted: AcceleratorClass, name: str, text: str) -> Decimal:
    try:
        return parse_quantity(text)
    except InvalidQuantity as problem:
        raise problem.at(name).at(f"AcceleratorClass {wanted.name}") from None


def _tolerates(toleration: Toleration, taint: Mapping[str, Any]) -> bool:
    if toleration.effect and toleration.effect != taint.get("effect"):
        return False
    if toleration.operator == "Exists":
        return not toleration.key or toleration.key == taint.get("key")
    if toleration.operator not in (None, "", "Equal"):
        return False  # an operator of a later Kubernetes: room that may not be there is not counted
    return (toleration.key, toleration.value or "") == (
        taint.get("key"),
        taint.get("value") or "",
    )


def _requests(holder: Mapping[str, Any]) -> _Amounts:
    return _amounts((holder.get("resources") or {}).get("requests"))


def _amounts(raw: Mapping[str, Any] | None) -> _Amounts:
    amounts: _Amounts = {}
    for name, value in (raw or {}).items():
        try:
            amounts[name] = parse_quantity(value)
        except InvalidQuantity as problem:
            raise problem.at(name) from None
    return amounts


def _named(raw: RawObject, read: Callable[[RawObject], _Amounts]) -> _Amounts:
    try:
        return read(raw)
    except InvalidQuantity as problem:
        meta = raw["metadata"]
        where = "/".join(filter(None, (meta.get("namespace"), meta.get("name"))))
        raise problem.at(where) from None


def _add(into: _Amounts, more: Mapping[str, Decimal]) -> None:
    for name, amount in more.items():
        into[name] = into.get(name, Decimal(0)) + amount


def _raise_to(into: _Amounts, least: Mapping[str, Decimal]) -> None:
    for name, amount in least.items():
        into[name] = max(into.get(name, amount), amount)
