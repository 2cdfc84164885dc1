"""The load and the fleet of the timed run are what its line says."""

import numpy as np
import pytest

from bench.cases import MANIFESTS, scaled
from bench.engine import bursty
from trimtab.simulate.fleet import load_fleet


def test_the_load_has_its_mean_and_its_bursts() -> None:
    trace = bursty(2 * 5400, 185.0, 3)
    assert trace.rate(0.0, trace.duration_s) == pytest.approx(185.0, rel=0.01)
    minutes = trace.rates(60.0)
    assert np.max(minutes) > 2.0 * np.median(minutes)


def test_each_profile_takes_the_next_factor() -> None:
    (model,) = load_fleet([MANIFESTS / "one.yaml"]).models
    profiles = [p for v in scaled(model, iter([2.0, 3.0, 4.0])).variants for p in v.profiles]
    before = [p for v in model.variants for p in v.profiles]
    factors = [
        new.points[0].latency_s / old.points[0].latency_s
        for new, old in zip(profiles, before, strict=True)
    ]
    assert factors == pytest.approx([2.0, 3.0, 4.0][: len(factors)])
