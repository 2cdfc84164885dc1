"""What is kept is whole, or it is not there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from trimtab.compress.store import kept, put, put_text, sweep


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


def older(folder: Path) -> Path:
    """A folder that somebody reads."""
    target = folder / "served"
    put(target, lambda made: put_text(made / "model", "old"))
    return target


def test_a_folder_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    target = older(tmp_path)
    put(target, lambda made: put_text(made / "other", "new"))
    assert [file.name for file in target.iterdir()] == ["other"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["served"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        (folder / "model").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    target = older(tmp_path)
    with pytest.raises(OSError, match="No space"):
        put(target, breaks)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path / "another", breaks)
    assert (target / "model").read_text() == "old"
    assert [folder.name for folder in tmp_path.iterdir()] == ["served"]


def test_nobody_sees_a_folder_that_is_being_filled(tmp_path: Path) -> None:
    def fills(folder: Path) -> None:
        (folder / "model").write_text("half")
        assert (target / "model").read_text() == "old"
        assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == ["served"]

    target = older(tmp_path)
    put(target, fills)


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    target = older(tmp_path)
    (tmp_path / ".unfinished-x1" / "made").mkdir(parents=True)
    (tmp_path / ".unfinished-report.json").write_text("{")
    put_text(tmp_path / "report.json", "{}")
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "report.json", target]
    assert (tmp_path / "report.json").read_text() == "{}"
