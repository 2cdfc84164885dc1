"""What is waited for in vain says what there is to know of it."""

from __future__ import annotations

import pytest

from e2e.kit.access import wait_for


def test_what_never_comes_is_told_as_it_was_in_the_end() -> None:
    seen: list[int] = []

    def never() -> bool:
        seen.append(len(seen))
        return False

    with pytest.raises(TimeoutError, match=r"^a pod: not within 0 s; seen \[0"):
        wait_for("a pod", never, seconds=0.0, period_s=0.0, told=lambda: f"seen {seen}")


def test_what_comes_asks_nobody_to_tell() -> None:
    def unasked() -> object:
        raise AssertionError

    assert wait_for("a pod", lambda: True, seconds=0.0, told=unasked) < 1.0
