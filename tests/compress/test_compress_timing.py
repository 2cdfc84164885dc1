"""Timing: a ratio is right whatever else the machine does, and noise is told from a gain."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from trimtab.compress import timing

INPUTS = {"x": np.zeros((2, 3), np.float32)}


class Busy:
    """A session that takes so much CPU time for each item of a batch."""

    def __init__(self, ms: float) -> None:
        self.ms = ms
        self.batches: list[int] = []

    def run(self, _: None, fed: Mapping[str, Any]) -> None:
        batch = len(fed["x"])
        self.batches.append(batch)
        until = time.thread_time() + batch * self.ms / 1000
        while time.thread_time() < until:
            pass


def test_ratio_and_times() -> None:
    found = timing.compare(
        {"fp32": Busy(0.4), "int8": Busy(0.1)},
        [("fp32", "fp32"), ("int8", "fp32")],
        INPUTS,
        (1, 3),
        seconds=0.01,
    )
    assert [point.batch for point in found["int8", "fp32"]] == [1, 3]
    for point in found["int8", "fp32"]:
        assert point.ratio == pytest.approx(0.25, rel=0.15)
        assert point.low <= point.ratio <= point.high < 0.5
    assert found["fp32", "fp32"][1].ms == pytest.approx(1.2, rel=0.2)
    assert {(p.ratio, p.low, p.high) for p in found["fp32", "fp32"]} == {(1.0, 1.0, 1.0)}


def test_they_take_turns_from_either_end() -> None:
    """One after the other, each alone: a machine that gets busy in between would decide."""
    order: list[str] = []

    class Noted(Busy):
        def __init__(self, name: str) -> None:
            super().__init__(0.6)
            self.name = name

        def run(self, _: None, fed: Mapping[str, Any]) -> None:
            order.append(self.name)
            super().run(None, fed)

    timing.compare({"a": Noted("a"), "b": Noted("b")}, [("a", "b")], INPUTS, (1,), seconds=0.001)
    rounds = order[-4 * timing.MIN_ROUNDS :]  # a warm and a timed call of each, every round
    assert rounds[:8] == ["a", "a", "b", "b", "b", "b", "a", "a"]
    assert rounds.count("a") == rounds.count("b")


def test_short_calls_are_timed_together() -> None:
    """A call of microseconds is below what the clock can tell."""
    short = Busy(0.005)
    timing.compare({"a": short}, [("a", "a")], INPUTS, (1,), seconds=0.001)
    assert len(short.batches) > 20 * timing.MIN_ROUNDS


def test_each_batch_size_is_a_step() -> None:
    steps: list[int] = []
    timing.compare({"a": Busy(0.5)}, [("a", "a")], INPUTS, (1, 2), 0.001, steps.append)
    assert steps == [1, 1]
