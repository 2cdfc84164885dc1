"""Bursts on pods whose CPU limit shows only when it is used up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.core.builders import INT8, accelerator, deployment, variant
from tests.simulate.rules import KEY
from trimtab.core.latency import ServiceCurve
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policies.trimtab import Trimtab
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import ServiceTruth, make_truth

# A quarter of a core and 2.15 ms of work: 116 a second in a flood, 1.5 ms an execution in a calm.
TRUTH = ServiceTruth(ServiceCurve(((1, 0.00145), (8, 0.0108))), front_end_s=0.0007, cpu_limit=0.25)
CALM, BURST = 25, 170


def bursts(count: int) -> Trace:
    """A minute of calm and half a minute of more than one replica can answer, so many times."""
    lengths = [60.0, 30.0] * count
    rates = [CALM, BURST] * count
    starts = np.cumsum([0.0, *lengths])
    return Trace(starts, np.array([int(n * r) for n, r in zip(lengths, rates, strict=True)]))


@pytest.mark.parametrize("profiled", [True, False])
def test_bursts_are_late_no_more_than_once(profiled: bool) -> None:
    """As long as executions of a calm were believed, four of five were late: the second replica was
    gone again before the next, or in the middle of it."""
    made = variant("int8", "0.98", 11.0, batch_ms={8: 80.0})
    made = made if profiled else replace(made, profiles=())
    spec = deployment(variants=(made,), target_ms=150.0, max_batch=8, window_s=45.0, most=6)
    fleet = Fleet((spec,), {"cpu": accelerator()})
    truth = make_truth(fleet, {(KEY, INT8): ((0.0, TRUTH),)})
    report = run(fleet, {KEY: bursts(5)}, Trimtab(), RunSettings(start_up_s=11.0, seed=1), truth)
    first, *others = [m.slo_share for m in report.models[0].minutes[1:]]
    assert first < 0.9
    assert min(others) > 0.99
