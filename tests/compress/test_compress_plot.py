"""The picture: it is drawn, and names lie beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compress import results
from trimtab.compress.plot import draw


@pytest.mark.parametrize(("name", "starts"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_a_picture_is_written(tmp_path: Path, name: str, starts: bytes) -> None:
    draw(results.report(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(starts)


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    draw(results.report(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<!-- int8-dynamic (refused) -->" in text
    assert "<!-- pruned30-int8 -->" in text
    assert "bf16" not in text
