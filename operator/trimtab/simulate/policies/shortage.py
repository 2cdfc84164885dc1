"""Where a class holds fewer replicas than are needed: who goes short, for the clairvoyant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trimtab.api.resources import AcceleratorClass, ObjectKey
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.policies.oracle import Timeline
from trimtab.simulate.policies.timeline import Counts


def share_classes(
    timelines: Mapping[ObjectKey, Timeline], classes: Mapping[str, AcceleratorClass]
) -> dict[ObjectKey, Timeline]:
    """The timelines with every class within its maxReplicas.

    A queue that is short of a little soon makes every request late, as one that is short of much
    does. So few models go short of much: the one with the most replicas gives first, down to one.
    """
    shared: dict[ObjectKey, dict[WorkloadKey, Counts]] = {
        model: {key: counts.copy() for key, counts in timeline.items()}
        for model, timeline in timelines.items()
    }
    for accelerator in classes.values():
        if accelerator.max_replicas is None:
            continue
        users = [
            counts
            for model in shared
            for key, counts in shared[model].items()
            if key.accelerator_class == accelerator.name
        ]
        if users:
            _cut(np.array(users), users, accelerator.max_replicas)
    return dict(shared)


def _cut(counts: Counts, users: list[Counts], most: int) -> None:
    """Cuts the rows of `users`, equal to `counts` of shape (users, ticks), in place."""
    for tick in np.flatnonzero(counts.sum(axis=0) > most):
        excess = int(counts[:, tick].sum()) - most
        for row in np.argsort(-counts[:, tick], kind="stable"):
            given = min(excess, max(0, int(counts[row, tick]) - 1))
            users[row][tick] -= given
            excess -= given
            if excess == 0:
                break
