"""Every fuzz target, with a few cases that are the same each time: `make fuzz` draws many more."""

from __future__ import annotations

import logging

import pytest
from hypothesis import strategies as st

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_what_holds_of_every_case_holds_of_a_few(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    counted = target.run(target.few, 1)
    assert counted["valid"] == target.few
    assert not counted["interesting"]


def test_a_case_that_breaks_a_rule_is_found_and_told() -> None:
    def small(case: int) -> None:
        assert case < 10, "not what was hoped for"

    with pytest.raises(AssertionError, match="not what was hoped for") as found:
        Target("sizes", st.integers(0, 1000), small, share=1).run(200, 1)
    (told,) = [note for note in found.value.__notes__ if "sizes" in note]
    assert "case=10" in told
