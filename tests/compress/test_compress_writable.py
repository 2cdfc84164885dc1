"""What cannot be kept is not made."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.compress.errors import CompressError
from trimtab.compress.writable import must_be_writable


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    must_be_writable(tmp_path / "new" / "deeper")
    assert list((tmp_path / "new" / "deeper").iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CompressError, match=r"file/out: nothing can be written there \(Not a dir"):
        must_be_writable(file / "out")


def test_a_read_only_volume_is_told_before_the_training() -> None:
    # /proc takes nothing from anybody, root included.
    with pytest.raises(CompressError, match="nothing can be written there"):
        must_be_writable(Path("/proc/self"))
