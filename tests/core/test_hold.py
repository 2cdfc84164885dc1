"""How long a fleet waits before it shrinks: the user's word, or what its own pods took to start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.builders import FP32, INT8, deployment
from trimtab.core.hold import hold_s
from trimtab.core.memory import ModelMemory

NO_WORD = replace(
    deployment(), scaling=replace(deployment().scaling, scale_down_stabilization_s=None)
)


def after(*times_s: float) -> ModelMemory:
    return ModelMemory(times_to_ready_s={INT8: times_s})


@pytest.mark.parametrize(
    ("times_s", "held_s"),
    [
        ((), 60.0),
        ((3.0, 3.0, 3.0), 30.0),
        ((45.0,), 45.0),
        ((900.0,), 300.0),
        # Nine warm starts and one cold are planned on warm ones; two cold of ten are not.
        ((*[35.0] * 9, 100.0), 35.0),
        ((*[35.0] * 8, 100.0, 100.0), 100.0),
    ],
)
def test_without_a_word_it_is_one_time_to_ready(times_s: tuple[float, ...], held_s: float) -> None:
    assert hold_s(NO_WORD, after(*times_s)) == held_s


def test_the_users_word_counts_whatever_was_measured() -> None:
    assert hold_s(deployment(window_s=7.0), after(45.0)) == 7.0


def test_every_workload_of_the_model_is_counted() -> None:
    """The one that starts next may be the slow one."""
    memory = ModelMemory(times_to_ready_s={INT8: (3.0,), FP32: (50.0,)})
    assert hold_s(NO_WORD, memory) == 50.0
