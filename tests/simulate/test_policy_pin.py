"""What a careful user derives from the manifests: capacities and the variant that is pinned."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.core.builders import accelerator, budget, deployment, variant
from trimtab.api.resources import LatencySlo, ModelDeployment, Objective, TritonSettings
from trimtab.simulate.policies.load_test import load_test, play
from trimtab.simulate.policies.pin import NothingToPin, Pinned, pin, seed_curves, ways

CLASSES = {"cpu": accelerator("cpu", "0.10"), "gpu": accelerator("gpu", "0.80")}
CHEAP = variant("int8", "0.90", 20.0)
FINE = variant("fp32", "0.95", 50.0)


def model(name: str = "classifier", **changes: object) -> ModelDeployment:
    spec = replace(
        deployment(name),
        slo=LatencySlo(99.0, 0.2),
        triton=TritonSettings("t", max_batch_size=1),
        variants=(CHEAP, FINE),
        min_accuracy=Decimal("0.85"),
        budget_per_hour=None,
        budget_ref=None,
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


def pinned_of(spec: ModelDeployment, rate: float) -> Pinned:
    return pin([spec], CLASSES, {}, {spec.key: rate})[spec.key]


def test_what_waits_when_an_instance_is_free_goes_as_one_batch() -> None:
    seconds = np.array([0.0, 1.0, 1.5, 2.0])
    arrivals = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    # 0 alone; then three at once from 1.0 for 2 s; then the fifth.
    assert play(arrivals, seconds, 1).tolist() == pytest.approx([1.0, 2.9, 2.8, 2.7, 3.6])
    assert play(arrivals, seconds, 2).tolist() == pytest.approx([1.0, 1.0, 2.8, 2.7, 2.6])


def test_an_m_d_1_queue_carries_what_its_formula_says() -> None:
    # 20 ms, 99 % within 200 ms: the exponential tail of M/D/1 allows a load of about 0.80.
    carried = load_test(((1, 0.020),), 1, 1, 0.2, 99.0)
    assert carried.rate == pytest.approx(0.80 * 50.0, rel=0.05)
    assert carried.most_rate == 50.0


def test_a_replica_that_is_too_slow_when_idle_carries_nothing() -> None:
    assert load_test(((1, 0.3),), 1, 4, 0.2, 99.0).rate == 0.0


def test_of_caps_that_carry_the_same_the_smallest_is_taken() -> None:
    # A batch takes as long as its items one by one: batching brings nothing.
    assert load_test(((1, 0.01), (16, 0.16)), 1, 16, 0.2, 99.0).batch_cap == 1


def test_the_cheapest_per_request_within_the_floor_is_pinned() -> None:
    assert pinned_of(model(), 100.0).key.variant == "int8"
    assert pinned_of(model(min_accuracy=Decimal("0.92")), 100.0).key.variant == "fp32"


def test_ways_beyond_the_target_or_without_a_price_are_no_ways() -> None:
    spec = model(variants=(CHEAP, variant("slow", "0.99", 300.0)))
    assert [w.key.variant for w in ways(spec, CLASSES, seed_curves(spec))] == ["int8"]
    unpriced = {"cpu": accelerator("cpu", None)}
    assert ways(spec, unpriced, seed_curves(spec)) == ()
    with pytest.raises(NothingToPin, match="shop/classifier"):
        pin([spec], unpriced, {}, {spec.key: 1.0})


def test_accuracy_is_bought_as_far_as_the_budget_reaches_at_the_mean_rate() -> None:
    rich = model(objective=Objective.MAXIMIZE_ACCURACY, budget_per_hour=Decimal("2.00"))
    # 100 requests/s ask for some nine of fp32 (0.10 each) and some four of int8.
    assert pinned_of(rich, 100.0).key.variant == "fp32"
    assert pinned_of(replace(rich, budget_per_hour=Decimal("0.60")), 100.0).key.variant == "int8"
    assert pinned_of(replace(rich, budget_per_hour=None), 100.0).key.variant == "fp32"
    # A shared budget that does not exist buys nothing.
    lost = replace(rich, budget_per_hour=None, budget_ref="gone")
    assert pinned_of(lost, 100.0).key.variant == "int8"


def test_a_shared_budget_buys_accuracy_where_it_is_cheapest() -> None:
    """The busy model would gain more by its step, but for each request it costs ten times more."""
    busy = model("busy", objective=Objective.MAXIMIZE_ACCURACY, budget_ref="shared")
    quiet = replace(busy, key=model("quiet").key, variants=(CHEAP, variant("fp16", "0.95", 25.0)))
    rates = {busy.key: 100.0, quiet.key: 40.0}
    costs = {
        (s.key.name, w.key.variant): rates[s.key] / (0.8 * w.rate) * 0.10
        for s in (busy, quiet)
        for w in ways(s, CLASSES, seed_curves(s))
    }
    # Enough for either step, and not for both.
    both = costs["busy", "fp32"] + costs["quiet", "fp16"]
    alone = costs["busy", "fp32"] + costs["quiet", "int8"]
    money = budget(f"{(both + alone) / 2:.6f}")
    found = pin([busy, quiet], CLASSES, {money.key: money}, rates)
    assert {k.name: p.key.variant for k, p in found.items()} == {"busy": "int8", "quiet": "fp16"}
