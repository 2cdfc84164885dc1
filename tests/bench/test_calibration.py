"""The calibration's own arithmetic: counters, capacity, schedules, the simulator and the table."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench.calibration.cases import CASES, Case
from bench.calibration.compare import Compared, Profile, compare, simulate
from bench.calibration.measure import Measured, Served, means, most_in, read_counters
from bench.calibration.schedule import poisson, stretch, write_times
from bench.calibration.table import as_markdown
from e2e.kit.served import Stage
from e2e.load.stats import Summary
from trimtab.api.parse import parse_model_deployment
from trimtab.api.resources import ScalingMode

METRICS = """\
# HELP nv_inference_count Number of inferences performed
nv_inference_count{model="digits",version="1"} 80
nv_inference_count{model="other",version="1"} 999
nv_inference_exec_count{model="digits",version="1"} 20
nv_inference_request_success{model="digits",version="1"} 80
nv_inference_queue_duration_us{model="digits",version="1"} 800000
nv_inference_compute_input_duration_us{model="digits",version="1"} 80000
nv_inference_compute_infer_duration_us{model="digits",version="1"} 1600000
nv_inference_compute_output_duration_us{model="digits",version="1"} 80000
"""
PROFILE = Profile.of(CASES["digits-int8"], {1: 0.010, 2: 0.018, 4: 0.034, 8: 0.066}, 90.0)


def test_tritons_means_are_read_from_its_counters() -> None:
    after = read_counters(METRICS, "digits")
    assert means(dict.fromkeys(after, 0.0), after) == pytest.approx((0.022, 0.010, 4.0))


def test_capacity_is_the_busiest_stretch() -> None:
    assert most_in([0.0, 1.0, 2.0, 2.1, 2.2, 2.9, 7.0], 1.0) == 4
    assert most_in([], 1.0) == 0


def test_the_front_end_is_what_the_executions_leave_of_the_capacity() -> None:
    assert PROFILE.front_end_s == pytest.approx(1 / 90 - 0.066 / 8)
    assert PROFILE.model(front_end=True).saturation_rate == pytest.approx(90.0)


def test_a_stretch_of_a_trace_keeps_its_shape_at_the_wanted_rate(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    write_times(path, [5.0, 5.5, 6.0, 6.2, 6.4, 9.0, 60.0])
    times = stretch(path, 30.0, 10.0)
    assert len(times) == pytest.approx(300, rel=0.1)
    assert times == sorted(times)
    assert sum(1.0 <= t < 1.6 for t in times) == pytest.approx(150, rel=0.15)


def test_a_run_is_compared_with_the_model_and_the_simulator(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    arrivals = poisson(45.0, 60.0, seed=3)
    write_times(path, arrivals)
    summary = Summary(2500, 0, {}, 0.020, 0.016, 0.05, 0.07, 0.1, 0.001, None)
    found = compare(
        PROFILE, "50 %", arrivals, path, Measured(summary, 0.016, 0.07, 0.012, 0.008, 1.3)
    )
    assert found.share == pytest.approx(0.5, rel=0.1)
    assert found.bare_p99_s < found.predicted_p99_s
    assert found.simulated_p99_s == pytest.approx(found.predicted_p99_s, rel=0.25)
    assert found.simulated_p50_s == pytest.approx(found.predicted_p50_s, rel=0.2)
    table = as_markdown([found])
    assert "| digits-int8 | 50 % (5" in table
    assert "p99 of the simulator" in table


def test_a_load_that_the_model_calls_too_much_is_told_as_such() -> None:
    assert Compared.error(math.inf, 0.1) == math.inf


def test_the_simulator_says_what_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nowhere"):
        simulate(PROFILE, tmp_path / "nowhere.csv")


@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_what_is_applied_is_what_the_api_takes(case: Case) -> None:
    stage = SimpleNamespace(namespace="shop", images=SimpleNamespace(models="m", triton="t"))
    manifest = Served(cast("Stage", stage), case).manifest({"mode": "Advise"})
    manifest["metadata"] |= {"uid": "u", "generation": 1}
    parsed = parse_model_deployment(manifest)
    assert parsed.scaling.mode is ScalingMode.ADVISE
    assert parsed.triton.max_batch_size == case.max_batch
