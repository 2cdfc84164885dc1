"""Rules and bounds in whole runs: a morning of two minutes, with a burst in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.cases import MANIFESTS, Stretch, cut, set_up
from bench.scarcity import crowded
from trimtab.simulate.fleet import load_fleet
from trimtab.simulate.policies import NAMES, make
from trimtab.simulate.policies.pin import seed_curves, ways
from trimtab.simulate.report import Report
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import make_truth

FLEET = load_fleet([MANIFESTS / "pool.yaml"])
KEY = FLEET.models[0].key
QUIET = [n for n in NAMES if not n.endswith("-best") and n != "hindsight-window"]


def played(policy: str, counts: list[int], start_up_s: float = 10.0) -> Report:
    settings = RunSettings(policy=policy, start_up_s=start_up_s)
    traces = {KEY: Trace(np.arange(len(counts) + 1.0), np.array(counts))}
    rule = make(policy, FLEET, traces, settings)
    return run(FLEET, traces, rule, settings, make_truth(FLEET))


@pytest.mark.parametrize("name", QUIET)
def test_every_rule_keeps_a_steady_load_that_its_first_choice_carries(name: str) -> None:
    report = played(name, [60] * 90)
    assert report.models[0].slo_attainment > 0.95
    assert report.models[0].cost > 0


def test_the_clairvoyant_keeps_its_promise_through_a_burst_and_pays_little_for_it() -> None:
    load = [60] * 60 + [240] * 30 + [60] * 60
    bound, fixed = played("oracle", load), played("static-peak", load)
    assert bound.models[0].slo_attainment >= 0.99
    assert bound.models[0].cost < 0.75 * fixed.models[0].cost


def test_a_stretch_beyond_the_end_of_a_recording_begins_it_again() -> None:
    trace = Trace(np.arange(6.0), np.array([1, 2, 3, 4, 5]))
    assert cut(trace, 2, 4).counts.tolist() == [3, 4, 1, 2]
    assert cut(trace, 0, 4, step_s=2).counts.tolist() == [3, 7]


@pytest.mark.parametrize("text", ["twitter", "reddit@1h+1h", "twitter@1+1", "twitter@h+h"])
def test_a_stretch_that_cannot_be_read_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write RECORDING@STARTh"):
        Stretch.parse(text)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    rows = "".join(f"{t},{50 + 40 * (t % 7 == 0)}\n" for t in range(400))
    (tmp_path / "twitter-2018-days-01-07.csv.gz").write_text("second,requests\n" + rows)
    return tmp_path


def test_a_benchmark_fleet_stands_at_the_mean_load_it_was_asked_for(recordings: Path) -> None:
    setup = set_up(
        MANIFESTS / "one.yaml", recordings, Stretch("twitter", 0, 300), 5.0, wrong_seeds=False
    )
    model = setup.fleet.models[0]
    carried = ways(model, setup.fleet.accelerator_classes, seed_curves(model))[0].rate
    assert setup.traces[model.key].rate(0, 300) == pytest.approx(5 * carried, rel=0.02)


def test_wrong_seeds_in_the_manifest_leave_the_truth_alone(recordings: Path) -> None:
    stretch = Stretch("twitter", 0, 300)
    setup = set_up(MANIFESTS / "one.yaml", recordings, stretch, 5.0, wrong_seeds=True)
    model = setup.fleet.models[0]
    ratios = {
        round(points[0][1] / setup.truth.at(model.key, key, 0.0).curve.points[0][1], 6)
        for key, points in seed_curves(model).items()
    }
    assert ratios == {0.7}


def test_the_pool_holds_eight_tenths_of_what_the_peaks_need(recordings: Path) -> None:
    setup = crowded(recordings / "twitter-2018-days-01-07.csv.gz", 300)
    most = setup.fleet.accelerator_classes["cpu"].max_replicas
    assert len(setup.fleet.models) == 10
    assert most is not None
    # Ten models of two to five replicas at the mean, and half as much again at their peaks.
    assert 0.8 * 34 <= most <= 0.8 * 60
