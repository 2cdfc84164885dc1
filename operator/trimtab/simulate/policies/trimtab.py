"""The operator's own decision, with the memory it keeps from tick to tick."""

from __future__ import annotations

from dataclasses import replace

from trimtab.api.resources import ObjectKey
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.core.plan import Plan, Target
from trimtab.core.settings import DEFAULT_POLICY, PolicySettings
from trimtab.core.snapshot import ModelState, Pod, Snapshot, Workload
from trimtab.simulate.policy import Seen, Targets

_ROUNDS = 20  # a decision takes a few steps from nothing to its size


class Trimtab:
    """Calls `decide` as the operator does. `plan`: its last answer, with the reasons."""

    def __init__(self, settings: PolicySettings = DEFAULT_POLICY) -> None:
        self._settings = settings
        self._memory = Memory()
        self.plan: Plan | None = None

    def start(self, seen: Seen, now_s: float) -> Targets:
        """Where its decisions come to rest under the first rate, each as if the one before already
        stood. What they remember of these imagined pods is forgotten."""
        snapshot = seen.snapshot
        targets: Targets = {}
        for _ in range(_ROUNDS):
            plan, _ = decide(snapshot, Memory(), now_s, self._settings)
            before, targets = targets, {key: p.targets for key, p in plan.models.items()}
            if targets == before:
                break
            snapshot = replace(
                snapshot,
                models=tuple(_standing(s, targets[s.spec.key], now_s) for s in snapshot.models),
                schedulable=_room_left(seen.snapshot, targets),
            )
        return targets

    def tick(self, seen: Seen, now_s: float) -> Targets:
        """The targets of every model it acts on; the others stay as they are."""
        self.plan, self._memory = decide(seen.snapshot, self._memory, now_s, self._settings)
        return {key: p.targets for key, p in self.plan.models.items() if p.act}


def _standing(state: ModelState, targets: tuple[Target, ...], now_s: float) -> ModelState:
    """The model with those targets already Ready."""
    workloads = tuple(
        Workload(
            t.key,
            t.replicas,
            tuple(Pod(f"{t.key}-{i}", now_s, now_s) for i in range(t.replicas)),
            t.batch_cap,
            queue_size=t.queue_size,
        )
        for t in targets
        if t.replicas
    )
    return replace(state, workloads=workloads)


def _room_left(snapshot: Snapshot, targets: dict[ObjectKey, tuple[Target, ...]]) -> dict[str, int]:
    """What the classes still hold beside those targets."""
    room = dict(snapshot.schedulable)
    for target in (t for each in targets.values() for t in each):
        name = target.key.accelerator_class
        if name in room:
            room[name] = max(0, room[name] - target.replicas)
    return room
