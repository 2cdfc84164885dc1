"""What is kept is whole, or it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.compress.store import kept


def test_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("text")

    first = kept(tmp_path / "store", "abc", make)
    assert kept(tmp_path / "store", "abc", make) == first
    assert (first / "file").read_text() == "text"
    assert len(made) == 1
    kept(tmp_path / "store", "abd", make)
    assert len(made) == 2


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, "abc", breaks)
    assert list(tmp_path.iterdir()) == []


def test_of_two_runs_the_first_to_finish_is_kept(tmp_path: Path) -> None:
    def overtaken(folder: Path) -> None:
        (folder / "file").write_text("second")

        def finishes(other: Path) -> None:
            (other / "file").write_text("first")

        kept(tmp_path, "abc", finishes)

    assert (kept(tmp_path, "abc", overtaken) / "file").read_text() == "first"
    assert [folder.name for folder in tmp_path.iterdir()] == ["abc"]
