"""True service times: the manifests' profiles, and a file that knows better."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.builders import FP32, INT8, accelerator, deployment, variant
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.truth import Distribution, make_truth
from trimtab.simulate.truth_file import read_truth

MODEL = deployment(variants=(variant("int8", "0.98", 10.0), variant("fp32", "0.99", 30.0)))
FLEET = Fleet((MODEL,), {"cpu": accelerator()})

GOOD = """
- modelDeployment: digits
  variant: int8
  profile:
  - acceleratorClass: cpu
    points: [{batch: 8, latency: 80ms}, {batch: 1, latency: 12ms}]
    distribution: {shift: 9ms, lognormal: {median: 3ms, sigma: 0.42}}
    frontEnd: 0.5ms
    cpuLimit: 250m
- modelDeployment: shop/digits
  variant: int8
  from: 3600s
  profile: [{acceleratorClass: cpu, points: [{batch: 1, latency: 20ms}]}]
"""


def read(folder: Path, text: str) -> None:
    path = folder / "truth.yaml"
    path.write_text(text)
    read_truth(path, FLEET)


def test_without_a_file_the_manifests_are_true() -> None:
    truth = make_truth(FLEET)
    assert truth.at(MODEL.key, FP32, 0.0).curve.seconds(1) == 0.030
    assert truth.changes_s(MODEL.key) == ()


def test_a_file_says_better_and_from_when(tmp_path: Path) -> None:
    path = tmp_path / "truth.yaml"
    path.write_text(GOOD)
    truth = make_truth(FLEET, read_truth(path, FLEET))
    early, late = (truth.at(MODEL.key, INT8, t) for t in (3599.0, 3600.0))
    assert early.curve.points == ((1, 0.012), (8, 0.080))
    assert early.distribution == Distribution(0.009, 0.003, 0.42)
    assert early.front_end_s == 0.0005
    assert (early.cpu_limit, late.cpu_limit) == (0.25, math.inf)
    assert late.curve.seconds(1) == 0.020
    assert truth.changes_s(MODEL.key) == (3600.0,)
    assert truth.at(MODEL.key, FP32, 0.0).curve.seconds(1) == 0.030


def test_a_truth_that_only_begins_later_leaves_the_manifest_true_before(tmp_path: Path) -> None:
    path = tmp_path / "truth.yaml"
    path.write_text(GOOD[GOOD.index("- modelDeployment: shop/digits") :])
    truth = make_truth(FLEET, read_truth(path, FLEET))
    assert truth.at(MODEL.key, INT8, 0.0).curve.seconds(1) == 0.010


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("digits", "letters", "there is no ModelDeployment 'letters'"),
        ("variant: int8", "variant: int4", "'int4' is no variant of shop/digits: use one of int8"),
        ("acceleratorClass: cpu", "acceleratorClass: l4", "'l4' is no class of the variant"),
        ("latency: 80ms", "latency: 80", "latency: 80 is not a time with its unit"),
        ("latency: 80ms", "latency: fast", "'fast' is not a time with its unit"),
        ("latency: 80ms", "latency: 0ms", "must be longer than zero"),
        ("batch: 8", "batch: 1.5", "1.5 is not a whole number"),
        ("batch: 8", "batch: 1", "1 is not a whole number, given once"),
        ("sigma: 0.42", "sigma: -1", "sigma: -1 is not between 0 and"),
        ("frontEnd", "frontend", "no such field"),
        ("250m", "fast", "cpuLimit: 'fast' is no amount of CPU: write it like 250m or 2"),
        ("250m", "0", "cpuLimit: 0 is less than 1m: raise it"),
        ("from: 3600s", "", "is the second truth of cpu from 0s"),
    ],
)
def test_a_wrong_file_is_refused_with_its_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(SimulationError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(error.value)


def test_a_variant_of_unknown_speed_cannot_be_played() -> None:
    bare = replace(MODEL.variants[0], profiles=())
    fleet = Fleet((replace(MODEL, variants=(bare,)),), FLEET.accelerator_classes)
    with pytest.raises(SimulationError, match="variant 'int8' has no profile on 'cpu'"):
        make_truth(fleet)
