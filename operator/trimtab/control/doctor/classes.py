"""AcceleratorClasses have a price, and nodes with room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trimtab.actuate import kinds
from trimtab.api.resources import AcceleratorClass
from trimtab.control.doctor.facts import Cluster, Facts
from trimtab.control.doctor.finding import Finding, error, some, warning


def classes(facts: Facts) -> Iterator[Finding]:
    """Of a class that no model names nothing is lost yet: a warning."""
    if facts.cluster is None:
        return
    named = _named(facts.cluster)
    known = facts.cluster.gathered.snapshot.accelerator_classes
    for name, accelerator in sorted(known.items()):
        yield from _class(facts.cluster, accelerator, error if name in named else warning)
    if {kinds.ACCELERATOR_CLASS} & (facts.cluster.absent | facts.cluster.hidden):
        return
    broken = {key.name for kind, key in facts.cluster.gathered.problems if kind not in _NAMESPACED}
    for name in sorted(named.keys() - known.keys() - broken):
        yield error(
            "classes",
            f"AcceleratorClass {name}",
            f"It does not exist, and {some(named[name])} would run on it.",
            "create it, or name another in acceleratorClasses",
        )


_NAMESPACED = (kinds.MODEL_DEPLOYMENT, kinds.INFERENCE_BUDGET)


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


def _class(
    cluster: Cluster, accelerator: AcceleratorClass, found: Callable[..., Finding]
) -> Iterator[Finding]:
    subject = f"AcceleratorClass {accelerator.name}"
    if accelerator.price_per_hour is None:
        yield found(
            "classes",
            subject,
            "It has no price, and unknown is not free: nothing grows on it.",
            'give it spec.pricePerHour, such as "0.80"',
        )
    room = cluster.rooms.get(accelerator.name)
    if room is None:
        return
    asked = ", ".join(f"{name}: {amount}" for name, amount in accelerator.resources)
    if not room.places:
        yield found(
            "classes",
            subject,
            "No node that takes pods matches its nodeSelector and tolerations.",
            "set spec.nodeSelector and spec.tolerations to labels and taints that nodes have"
            " (kubectl get nodes --show-labels), or add such nodes",
        )
    elif not room.replicas:
        yield found(
            "classes",
            subject,
            f"None of its nodes could hold one replica ({asked}), even empty.",
            "ask for less in spec.resources, or see that the nodes offer it (kubectl describe"
            " node, Allocatable): a device plugin may be missing",
        )
    elif not room.free:
        yield warning(
            "classes",
            subject,
            f"Its nodes are full: no replica ({asked}) can be added.",
            "add nodes, or name another class in acceleratorClasses",
        )
