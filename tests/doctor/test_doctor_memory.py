"""A doctor in the operator's container must not be the end of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.control.doctor.memory import too_little

MIB = 2**20


def cgroup(folder: Path, limit: str, used_mib: int, cached_mib: int = 0) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used_mib * MIB}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cached_mib * MIB}\n")
    return folder


def test_beside_an_operator_of_many_models_it_does_not_look(tmp_path: Path) -> None:
    said = too_little(cgroup(tmp_path, str(256 * MIB), 225))
    assert said is not None
    assert "Of this container's 256 MiB only 31 are left" in said
    assert "resources.limits.memory" in said


@pytest.mark.parametrize(
    ("limit", "used_mib", "cached_mib"),
    [(str(256 * MIB), 170, 0), (str(256 * MIB), 250, 80), ("max", 9000, 0)],
)
def test_where_there_is_room_it_looks(
    tmp_path: Path, limit: str, used_mib: int, cached_mib: int
) -> None:
    assert too_little(cgroup(tmp_path, limit, used_mib, cached_mib)) is None


def test_on_a_laptop_there_is_no_limit(tmp_path: Path) -> None:
    assert too_little(tmp_path) is None
