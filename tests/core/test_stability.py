"""Noise is not load: a fleet at the edge of a replica's capacity does not flap."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest

from tests.core.builders import deployment, steady, variant
from tests.core.story import Model, Story, sizes


def poisson_noise(seed: int) -> Callable[[float, float], float]:
    """A rate as a Poisson count over its window tells it (by its normal approximation)."""
    rng = random.Random(seed)

    def measure(rate: float, window_s: float) -> float:
        return max(0.0, rng.gauss(rate, math.sqrt(rate / window_s)))

    return measure


@pytest.mark.parametrize("share", [0.97, 1.0, 1.03])
def test_noise_at_a_capacity_boundary_does_not_flap(share: float) -> None:
    # 77 requests/s a replica: about 290 is the most that four carry with their headroom.
    model = Model(deployment(window_s=300), steady(290 * share), measure=poisson_noise(7))
    story = Story(model)
    story.until(3600)
    walk = sizes(story)[30:]
    changes = sum(a != b for a, b in itertools.pairwise(walk))
    assert changes <= 2
    assert max(walk) <= 5


def test_noise_does_not_swap_variants_at_the_edge_of_the_maximum() -> None:
    small, large = variant("int8", "0.98", 10.0), variant("fp32", "0.98", 6.0, "l4")
    from tests.core.builders import accelerator

    spec = deployment(variants=(small, large), window_s=300, most=4)
    story = Story(
        Model(spec, steady(285), measure=poisson_noise(3)),
        classes=(accelerator("cpu", "0.10"), accelerator("l4", "0.80")),
    )
    story.until(3600)
    leading = [m.plan.targets[0].key.variant for m in story.history[30:]]
    swaps = sum(a != b for a, b in itertools.pairwise(leading))
    assert swaps <= 2
