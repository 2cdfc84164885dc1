"""What cannot be kept is not made."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from trimtab.compress.errors import CompressError
from trimtab.compress.writable import is_full, must_be_writable, what_is_full


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


def test_a_full_disk_is_named_with_its_mend() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "model.onnx", None, "out/int8")
    assert is_full(error)
    assert not is_full(FileNotFoundError(errno.ENOENT, "No such file", "data.npz"))
    assert what_is_full(error) == (
        "out/int8: no space is left on its disk: free some and run again; what is finished is kept"
    )
