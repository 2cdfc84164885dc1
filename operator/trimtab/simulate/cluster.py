"""The cluster of a simulated run: Deployments, their pods, and the accelerators they hold.

It does what Kubernetes does. A pod that no accelerator is free for waits, costs nothing and starts
when there is room, first come first served. Scale-down takes pods that are not Ready first, then
the newest. A pod that leaves takes no more requests from that moment, answers what it has, and
holds its accelerator until then. A new batch cap
or queue bound rolls the pods: one more at a time where there may
be one (maxSurge 1), else one less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trimtab.api.resources import AcceleratorClass
from trimtab.core.plan import Target
from trimtab.core.snapshot import Pod, Workload, WorkloadKey

SetUp = tuple[int, float, int | None, float | None]


@dataclass(slots=True, eq=False)
class SimPod:
    """One pod; times are seconds of the run, None while it has not come to that.

    set_up: batch cap, queue delay, queue bound, queue timeout. scheduled_s: since when it holds an
    accelerator and costs. ready_at_s: when it is Ready, known from the moment it is scheduled.
    removed_s: when it was told to leave; gone_s: when it left. row: of the event loop, once it is
    Ready.
    """

    name: str
    set_up: SetUp
    created_s: float
    scheduled_s: float | None = None
    ready_at_s: float | None = None
    removed_s: float | None = None
    gone_s: float | None = None
    row: int | None = None

    @property
    def serves(self) -> bool:
        """Whether it takes new requests."""
        return self.row is not None and self.removed_s is None

    def seen(self) -> Pod:
        """As the operator sees it."""
        return Pod(
            self.name,
            self.created_s,
            self.ready_at_s if self.row is not None else None,
            terminating=self.removed_s is not None,
            unschedulable=self.scheduled_s is None,
        )


@dataclass(slots=True, eq=False)
class SimWorkload:
    """One Deployment: its target, and its pods in order of creation."""

    target: Target
    pods: list[SimPod] = field(default_factory=list)
    made: int = 0
    view: Workload | None = None

    @property
    def staying(self) -> list[SimPod]:
        """The pods that were not told to leave."""
        return [p for p in self.pods if p.removed_s is None]

    def seen(self) -> Workload:
        """As the operator sees it."""
        if self.view is None:
            self.view = Workload(
                self.target.key,
                self.target.replicas,
                tuple(p.seen() for p in self.pods),
                self.target.batch_cap,
                queue_size=self.target.queue_size,
            )
        return self.view


class Deployments:
    """The Deployments of one model."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.workloads: dict[WorkloadKey, SimWorkload] = {}

    def apply(self, targets: Iterable[Target], now_s: float) -> bool:
        """What the policy asks for; True where the replicas of any workload are others now."""
        wanted = {t.key: t for t in targets}
        changed = False
        for key, workload in self.workloads.items():
            if key not in wanted and workload.target.replicas:
                wanted[key] = workload.target._replace(replicas=0, weight=0)
        for key, target in wanted.items():
            if key not in self.workloads:
                if target.replicas == 0:
                    continue
                self.workloads[key] = SimWorkload(target._replace(replicas=0))
            workload = self.workloads[key]
            if target != workload.target:
                changed |= target.replicas != workload.target.replicas
                workload.target, workload.view = target, None
                self.reconcile(workload, now_s)
        return changed

    def reconcile(self, workload: SimWorkload, now_s: float) -> None:
        """One step of the Deployment towards its target."""
        target, set_up = workload.target, _set_up(workload.target)
        old = [p for p in workload.staying if p.set_up != set_up]
        # Old pods go as far as enough are Ready without them; those that are not are no loss.
        _leave(workload, [p for p in old if not p.serves], len(old), now_s)
        least = target.replicas if target.may_surge else max(0, target.replicas - 1)
        serving = sum(p.serves for p in workload.staying)
        _leave(workload, [p for p in old if p.serves], serving - least, now_s)
        new = [p for p in workload.staying if p.set_up == set_up]
        _leave(workload, new, len(new) - target.replicas, now_s)
        rolling = len(workload.staying) > len(new)
        room = target.replicas + (target.may_surge and rolling) - len(workload.staying)
        for _ in range(min(target.replicas - len(new), room)):
            self._create(workload, set_up, now_s)

    def _create(self, workload: SimWorkload, set_up: SetUp, now_s: float) -> None:
        key = workload.target.key
        name = f"{self._name}-{key.variant}-{key.accelerator_class}-{workload.made}"
        workload.made += 1
        workload.pods.append(SimPod(name, set_up, now_s))
        workload.view = None

    def forget_gone(self) -> None:
        """Drops pods that left, and Deployments that hold nothing any more."""
        for key, workload in list(self.workloads.items()):
            if any(p.gone_s is not None for p in workload.pods):
                workload.pods = [p for p in workload.pods if p.gone_s is None]
                workload.view = None
            if not workload.pods and not workload.target.replicas:
                del self.workloads[key]


class Inventory:
    """How many replicas each class still has room for."""

    def __init__(self, classes: Mapping[str, AcceleratorClass], start_up_s: float) -> None:
        self._free = {c.name: c.max_replicas for c in classes.values()}
        self._start_up_s = start_up_s

    def schedule(self, fleet: Iterable[Deployments], now_s: float) -> None:
        """Gives what is free to the pods that wait, oldest first."""
        waiting = [
            (pod.created_s, workload, pod)
            for deployments in fleet
            for workload in deployments.workloads.values()
            for pod in workload.pods
            if pod.scheduled_s is None and pod.gone_s is None
        ]
        for _, workload, pod in sorted(waiting, key=lambda w: w[0]):
            name = workload.target.key.accelerator_class
            free = self._free[name]
            if free is not None:
                if free <= 0:
                    continue
                self._free[name] = free - 1
            pod.scheduled_s = now_s
            pod.ready_at_s = now_s + self._start_up_s
            workload.view = None

    def free(self, accelerator_class: str) -> int | None:
        """How many more replicas of a class there is room for; None is any number."""
        return self._free[accelerator_class]

    def give_back(self, accelerator_class: str) -> None:
        """A pod of that class left."""
        free = self._free[accelerator_class]
        if free is not None:
            self._free[accelerator_class] = free + 1


def _set_up(target: Target) -> SetUp:
    return target.batch_cap, target.queue_delay_s or 0.0, target.queue_size, target.queue_timeout_s


def _leave(workload: SimWorkload, pods: list[SimPod], count: int, now_s: float) -> None:
    """So many of those pods are told to leave, in the order a ReplicaSet picks them."""
    order = sorted(
        pods, key=lambda p: (p.scheduled_s is not None, p.serves, -(p.ready_at_s or p.created_s))
    )
    for pod in order[: max(0, count)]:
        pod.removed_s = now_s
        if pod.scheduled_s is None:
            pod.gone_s = now_s  # it never held anything
        workload.view = None
