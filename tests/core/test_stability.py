"""Noise is not load: a fleet at the edge of a replica's capacity does not flap."""

from __future__ import annotations

import itertools
import math
import random
from decimal import Decimal

import pytest

from tests.core.builders import INT8, Load, accelerator, deployment, pods, variant
from tests.core.story import TICK_S, Model, Story, sizes
from trimtab.core.choose import Choice
from trimtab.core.demand import Demand
from trimtab.core.guard import next_step
from trimtab.core.ledger import Room
from trimtab.core.memory import ModelMemory
from trimtab.core.option import Option
from trimtab.core.settings import DEFAULT_POLICY
from trimtab.core.snapshot import ModelState, Snapshot, Workload


def noisy(rate: float, seed: int) -> Load:
    """Poisson counts (by their normal approximation), drawn once a tick: windows that overlap share
    them, as those of a counter do."""
    rng = random.Random(seed)
    drawn: dict[float, float] = {}

    def load(t_s: float) -> float:
        return drawn.setdefault(t_s, max(0.0, rng.gauss(rate, math.sqrt(rate / TICK_S))))

    return load


@pytest.mark.parametrize("share", [0.97, 1.0, 1.03])
def test_noise_at_a_capacity_boundary_does_not_flap(share: float) -> None:
    # 77 requests/s a replica: about 290 is the most that four carry with their headroom.
    model = Model(deployment(window_s=300), noisy(290 * share, 7))
    story = Story(model)
    story.until(3600)
    walk = sizes(story)[30:]
    changes = sum(a != b for a, b in itertools.pairwise(walk))
    assert changes <= 2
    assert max(walk) <= 5


def test_noise_does_not_swap_variants_at_the_edge_of_the_maximum() -> None:
    small, large = variant("int8", "0.98", 10.0), variant("fp32", "0.98", 6.0, "l4")
    spec = deployment(variants=(small, large), window_s=300, most=4)
    story = Story(
        Model(spec, noisy(285, 3)),
        classes=(accelerator("cpu", "0.10"), accelerator("l4", "0.80")),
    )
    story.until(3600)
    leading = [m.plan.targets[0].key.variant for m in story.history[30:]]
    swaps = sum(a != b for a, b in itertools.pairwise(leading))
    assert swaps <= 2


@pytest.mark.parametrize(("planned", "replicas"), [(297.0, 4), (280.0, 3)])
def test_room_for_bursts_at_the_edge_of_a_capacity_does_not_flap(
    planned: float, replicas: int
) -> None:
    """Four of 100 requests/s each; 60 arrive, and what bursts may bring moves from tick to tick."""
    option = Option(INT8, Decimal(1), Decimal(1), 1, 100.0, meets_slo=True)
    choice = Choice(option, 3, 3, "", short=False, ceiling=(9, "MaxReplicas"), needed=3)
    ready = Workload(INT8, 4, pods(4))
    memory = ModelMemory(seeing_since_s=0.0, demand=((990.0, 60.0),))
    demand = Demand(planned, blind=False, measured=60.0, arriving=60.0)
    spec, now_s = deployment(window_s=60.0), 1000.0
    room = Room(Snapshot((ModelState(spec, (ready,)),)), now_s, DEFAULT_POLICY)
    step = next_step(ready, choice, spec, memory, demand, room, lambda: 1.0, now_s, DEFAULT_POLICY)
    assert step.replicas == replicas
