"""Noise is not load: a fleet at the edge of a replica's capacity does not flap."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from tests.core.builders import Load, accelerator, deployment, variant
from tests.core.story import TICK_S, Model, Story, sizes


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
