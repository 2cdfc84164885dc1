"""A doctor in the operator's container must not be the end of it."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from trimtab.control.doctor.memory import TooLittleMemory, within_container

MIB = 2**20


def cgroup(folder: Path, limit: str, used_mib: int, cached_mib: int = 0) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used_mib * MIB}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cached_mib * MIB}\n")
    return folder


def test_beside_an_operator_of_many_models_it_does_not_look(tmp_path: Path) -> None:
    beside = cgroup(tmp_path, str(256 * MIB), 225)
    with pytest.raises(TooLittleMemory) as said, within_container(beside):
        pytest.fail("it looks")
    assert "Of this container's 256 MiB only 31 are left" in str(said.value)
    assert "resources.limits.memory" in str(said.value)


@pytest.mark.parametrize(
    ("limit", "used_mib", "cached_mib"),
    [(str(256 * MIB), 170, 0), (str(256 * MIB), 250, 80), ("max", 9000, 0)],
)
def test_where_there_is_room_it_looks(
    tmp_path: Path, limit: str, used_mib: int, cached_mib: int
) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with within_container(cgroup(tmp_path, limit, used_mib, cached_mib)):
        assert len(bytearray(16 * MIB)) == 16 * MIB
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_look_that_takes_more_than_is_left_ends_itself_and_not_the_operator(
    tmp_path: Path,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with (
        pytest.raises(TooLittleMemory, match="only 86 are left"),
        within_container(cgroup(tmp_path, str(256 * MIB), 170)),
    ):
        bytearray(200 * MIB)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_on_a_laptop_there_is_no_limit(tmp_path: Path) -> None:
    with within_container(tmp_path):
        assert len(bytearray(200 * MIB)) == 200 * MIB
