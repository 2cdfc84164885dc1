"""What the gate lets through, and what it says of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.compress.results import points, quality
from trimtab.api.schema_recipes import Gate
from trimtab.compress.gate import Beside, Candidate, reasons
from trimtab.compress.timing import Point

GATE = Gate(max_drop=0.02)


def candidate(
    size: float = 0.25, times: tuple[Point, ...] = points(1.0, 0.4), **more: Any
) -> Candidate:
    """Beside the baseline alone, faster and smaller unless told otherwise."""
    given = {"quality": quality(), "exact": False, **more}
    return Candidate(beside=(Beside("the baseline", size, times),), **given)


def test_faster_smaller_and_as_right_is_published() -> None:
    assert reasons(candidate(), GATE) == []


def test_slower_is_refused_however_small() -> None:
    """int8 of a tiny net: a quarter of the size, and every call takes longer."""
    (reason,) = reasons(candidate(times=points(1.0, 1.3)), GATE)
    assert reason.startswith("slower than the baseline: time x1.30 [1.29, 1.31] at 1")


def test_slower_at_one_batch_size_is_refused() -> None:
    mixed = (points(1.0, 1.3)[0], points(1.0, 0.4)[1])
    (reason,) = reasons(candidate(times=mixed), GATE)
    assert "at 1 a batch" in reason
    assert "at 8" not in reason


def test_same_time_and_size_is_no_gain() -> None:
    """Masks without removal: zeros are multiplied and stored like any number."""
    masked = candidate(1.0, points(1.0, 1.0))
    (reason,) = reasons(masked, GATE)
    assert reason.startswith("no gain of 5% on the baseline (gate.minGain): size x1.00, time x1.00")


def test_smaller_alone_will_do_and_so_will_faster() -> None:
    assert reasons(candidate(times=points(1.0, 1.0)), GATE) == []
    assert reasons(candidate(2.0), GATE) == []


def test_a_gain_that_noise_may_have_made_is_none() -> None:
    noisy = tuple(replace(p, low=0.5, high=1.2) for p in points(1.0, 0.8))
    assert "no gain" in reasons(candidate(1.0, noisy), GATE)[0]


def test_a_drop_must_be_proven_small() -> None:
    """A measured drop within the bound is not enough where the interval reaches beyond it."""
    (reason,) = reasons(candidate(quality=quality(0.975, 0.015)), GATE)
    assert reason == (
        "accuracy may be 2.50 points lower, 2 are allowed (gate.maxDrop): 97.50% against 99.00% "
        "on 1000 items, too few to prove more"
    )
    (reason,) = reasons(candidate(quality=quality(0.95, 0.04)), GATE)
    assert "too few" not in reason


def test_fp32_must_equal_torch_and_int8_must_agree_with_it() -> None:
    far = candidate(quality=quality(apart=0.01))
    assert reasons(far, GATE) == []
    (reason,) = reasons(replace(far, exact=True), GATE)
    assert "up to 0.01 of the largest away from torch's, 0.0001 is allowed" in reason
    (reason,) = reasons(candidate(quality=quality(agreement=0.9)), GATE)
    assert reason.startswith("it agrees with its torch module on 90.0%, 97.0% is asked")


def test_not_a_number_never_passes() -> None:
    lost = candidate(quality=quality(apart=float("nan")), exact=True)
    assert reasons(lost, GATE)


def test_quantising_must_pay_by_itself() -> None:
    """int8 of a narrow student: far faster than the baseline, and slower than the student was."""
    student = Beside("the same in fp32", 0.6, points(1.0, 1.4))
    (reason,) = reasons(replace(candidate(), beside=(*candidate().beside, student)), GATE)
    assert reason.startswith("slower than the same in fp32: time x1.40")


def test_every_reason_is_told() -> None:
    bad = candidate(times=points(9.0, 3.0), quality=quality(0.5, 0.49, agreement=0.5))
    assert len(reasons(bad, GATE)) == 3


@given(st.floats(0.05, 3.0), st.floats(0.05, 3.0), st.floats(0.0, 0.5))
def test_what_is_published_gains(ratio: float, size: float, drop: float) -> None:
    if not reasons(candidate(size, points(1.0, ratio), quality=quality(1.0 - drop, drop)), GATE):
        assert drop + 0.01 <= 0.02
        assert ratio <= 1.07
        assert ratio < 0.95 or size <= 0.95
