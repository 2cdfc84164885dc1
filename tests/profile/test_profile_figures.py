"""Triton's counters, intervals and arrivals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trimtab.profile.arrivals import poisson, scattered
from trimtab.profile.counters import Executions, read_counters
from trimtab.profile.gauges import read_gauges
from trimtab.profile.interval import quantile


def entry(items: int, count: int, ns: int) -> dict[str, Any]:
    def part(share: float) -> dict[str, int]:
        return {"count": count, "ns": int(share * ns)}

    batch = {
        "batch_size": 4,
        "compute_input": part(0.25),
        "compute_infer": part(0.5),
        "compute_output": part(0.25),
    }
    of_requests = {
        "fail": {"count": 2, "ns": 1},
        "cache_hit": {"count": 3, "ns": 1},
        "success": {"count": items, "ns": 2 * ns},
    }
    return {"inference_count": items, "inference_stats": of_requests, "batch_stats": [batch]}


def told(executions: Executions) -> tuple[int, float]:
    return executions.count, round(executions.seconds, 9)


def test_counters_are_read_and_subtracted() -> None:
    before, after = read_counters(entry(8, 2, 4_000_000)), read_counters(entry(20, 5, 10_000_000))
    assert (before.items, before.failed, before.cached) == (8, 2, 3)
    assert told(before.of(4)) == (2, 0.004)
    grown = after.since(before)
    assert (grown.items, grown.failed) == (12, 0)
    assert told(grown.of(4)) == (3, 0.006)
    assert grown.of(2) == Executions()
    assert told(grown.requests) == (12, 0.012)


def test_a_model_that_never_ran_has_counted_nothing() -> None:
    assert read_counters({}).items == 0
    assert read_counters({"inference_count": 0, "batch_stats": []}).by_batch == {}


def test_a_median_lies_within_its_interval() -> None:
    told = quantile([float(n) for n in range(21)], 0.5)
    assert told == (10.0, 5.0, 15.0)


def test_too_few_values_leave_an_end_open() -> None:
    told = quantile([3.0, 1.0, 2.0], 0.5)
    assert (told.value, told.low, told.high) == (2.0, -math.inf, math.inf)
    assert quantile([float(n) for n in range(100)], 0.99).high == math.inf
    assert quantile([float(n) for n in range(1000)], 0.99).high < 999.0


def test_intervals_hold_the_true_quantile_in_95_percent() -> None:
    rng = np.random.default_rng(7)
    for share in (0.5, 0.9):
        held = 0
        for _ in range(400):
            told = quantile(rng.random(60).tolist(), share)
            held += told.low <= share <= told.high
        assert held >= 0.93 * 400


def test_poisson_arrivals_have_their_rate() -> None:
    times = poisson(200.0, 50.0, np.random.default_rng(1))
    assert times == sorted(times)
    assert times[-1] < 50.0
    assert len(times) == pytest.approx(10_000, rel=0.03)
    gaps = np.diff(times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


def test_scattered_ones_have_their_number() -> None:
    times = scattered(7, 2.0, np.random.default_rng(1))
    assert len(times) == 7
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= 2.0


def test_gauges_are_the_highest_of_all_gpus() -> None:
    text = (
        "# HELP nv_gpu_utilization x\n"
        'nv_gpu_utilization{gpu_uuid="a"} 0.25\n'
        'nv_gpu_utilization{gpu_uuid="b"} 0.5\n'
        "nv_cpu_utilization 0\n"
        'nv_gpu_memory_used_bytes{gpu_uuid="a"} 1048576\n'
        "nv_inference_count 7\n"
    )
    assert read_gauges(text) == {"GPU utilisation, %": 50.0, "GPU memory, MiB": 1.0}
