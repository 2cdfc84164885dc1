"""The picture: it is drawn, and names can be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.compress import results
from trimtab.compress.plot import draw, picture


@pytest.mark.parametrize(("name", "starts"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_a_picture_is_written(tmp_path: Path, name: str, starts: bytes) -> None:
    draw(results.report(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(starts)


def test_what_was_not_measured_is_left_out() -> None:
    (axes,) = picture(results.report()).axes
    names = [text.get_text() for text in axes.texts]
    assert names == ["fp32", "int8", "pruned30-int8", "int8-dynamic (refused)"]


def test_names_lie_beside_each_other() -> None:
    """Of variants that are as fast and as accurate, all on one spot."""
    twins = tuple(results.result(f"twin{i}", 0.99, 4.0) for i in range(4))
    figure = picture(replace(results.report(), results=twins))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
