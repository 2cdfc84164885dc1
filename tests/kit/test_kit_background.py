"""What goes on beside a story begins with it and ends with it."""

from __future__ import annotations

import threading

import pytest

from e2e.kit.background import Background


class Round(Background):
    """Says that it began, and that it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.ended = threading.Event(), threading.Event()

    def _run(self) -> None:
        self.began.set()
        self._left.wait()
        self.ended.set()


def test_it_runs_while_it_is_entered() -> None:
    with Round() as beside:
        assert beside.began.wait(timeout=10)
        assert not beside.ended.is_set()
    assert beside.ended.is_set()


def test_it_ends_with_a_story_that_fails() -> None:
    beside = Round()
    with pytest.raises(ValueError, match="the story"), beside:
        raise ValueError("the story")
    assert beside.ended.is_set()
