"""AcceleratorClasses have a price, and nodes with room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trimtab.actuate import kinds
from trimtab.api.resources import AcceleratorClass
from trimtab.control.doctor.facts import Cluster, Facts, Room
from trimtab.control.doctor.finding import Finding, error, some, warning
from trimtab.core.snapshot import Pod

_CHECK = "classes"
_NAMESPACED = (kinds.MODEL_DEPLOYMENT, kinds.INFERENCE_BUDGET)
# By then an autoscaler of nodes has brought one, or brings none.
_NODE_COMES_S = 600.0

_Found = Callable[[str, str, str, str], Finding]


def classes(facts: Facts) -> Iterator[Finding]:
    """Of a class that no model names nothing is lost yet: a warning."""
    if facts.cluster is None:
        return
    named = _named(facts.cluster)
    known = facts.cluster.gathered.snapshot.accelerator_classes
    for name, accelerator in sorted(known.items()):
        yield from _class(facts, accelerator, error if name in named else warning)
    if {kinds.ACCELERATOR_CLASS} & (facts.cluster.absent | facts.cluster.hidden):
        return
    broken = {key.name for kind, key in facts.cluster.gathered.problems if kind not in _NAMESPACED}
    for name in sorted(named.keys() - known.keys() - broken):
        yield error(
            _CHECK,
            _subject(name),
            f"It does not exist, and {some(named[name])} would run on it.",
            "create it, or name another in acceleratorClasses",
        )


def _named(cluster: Cluster) -> dict[str, set[str]]:
    """The models that name a class, by class."""
    named: dict[str, set[str]] = {}
    for state in cluster.gathered.snapshot.models:
        own = {name for variant in state.spec.variants for name in variant.accelerator_classes}
        if state.spec.compression is not None:
            own |= {state.spec.compression.accelerator_class, *state.spec.compression.serve_on}
        for name in own:
            named.setdefault(name, set()).add(str(state.spec.key))
    return named


def _class(facts: Facts, accelerator: AcceleratorClass, found: _Found) -> Iterator[Finding]:
    if accelerator.price_per_hour is None:
        yield found(
            _CHECK,
            _subject(accelerator.name),
            "It has no price, and unknown is not free: nothing grows on it.",
            'give it spec.pricePerHour, such as "0.80"',
        )
    room = facts.cluster.rooms.get(accelerator.name) if facts.cluster else None
    if room is None:
        return
    pods = list(_pods(facts, accelerator.name))
    if accelerator.max_replicas is not None:
        # It is trusted over the nodes, which an autoscaler may add; as long as it does.
        late_s = facts.now_s - _NODE_COMES_S
        late = any(pod.unschedulable and pod.created_s < late_s for pod in pods)
        found = found if late else warning
    if not room.places or not room.replicas:
        yield _no_place(accelerator, room, found)
    elif not room.free and accelerator.max_replicas is None and all(p.unschedulable for p in pods):
        yield warning(
            _CHECK,
            _subject(accelerator.name),
            f"Others fill its nodes: no replica ({_asked(accelerator)}) fits.",
            "add nodes, or name another class in acceleratorClasses",
        )


def _no_place(accelerator: AcceleratorClass, room: Room, found: _Found) -> Finding:
    selector = ", ".join(f"{label}: {value}" for label, value in accelerator.node_selector)
    tolerated = ", ".join(t.key or "all" for t in accelerator.tolerations)
    comes = "" if accelerator.max_replicas is None else ", unless an autoscaler of nodes adds one"
    if not room.places:
        return found(
            _CHECK,
            _subject(accelerator.name),
            f"No node that takes pods matches its nodeSelector ({selector or 'none'}) and"
            f" tolerations ({tolerated or 'none'}){comes}.",
            "set spec.nodeSelector and spec.tolerations to labels and taints that nodes have"
            " (kubectl get nodes --show-labels), or add such nodes",
        )
    return found(
        _CHECK,
        _subject(accelerator.name),
        f"None of its nodes could hold one replica ({_asked(accelerator)}), even empty{comes}.",
        "ask for less in spec.resources, or see that the nodes offer it (kubectl describe"
        " node, Allocatable): a device plugin may be missing",
    )


def _pods(facts: Facts, class_name: str) -> Iterator[Pod]:
    """Those of trimtab's own that run on the class, or are to."""
    for state in facts.cluster.gathered.snapshot.models if facts.cluster else ():
        for workload in state.workloads:
            if workload.key.accelerator_class == class_name:
                yield from workload.pods


def _asked(accelerator: AcceleratorClass) -> str:
    return ", ".join(f"{name}: {amount}" for name, amount in accelerator.resources)


def _subject(class_name: str) -> str:
    return f"AcceleratorClass {class_name}"
