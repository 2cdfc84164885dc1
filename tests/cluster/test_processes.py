"""A process is ended only when it is surely the one that was started."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path

from e2e.cluster import processes
from e2e.cluster.processes import Record


def _sleeper() -> tuple[subprocess.Popen[bytes], Record]:
    child = subprocess.Popen(["sleep", "60"])
    found = processes.identity(child.pid)
    assert found is not None
    return child, Record("sleeper", child.pid, found[1], processes.boot_id())


def test_ends_its_own_process() -> None:
    child, record = _sleeper()
    assert processes.alive(record)
    processes.end(record, grace=0.0)
    assert child.wait(5) == -signal.SIGKILL
    assert not processes.alive(record)


def test_never_ends_a_process_that_was_given_the_same_pid() -> None:
    child, record = _sleeper()
    try:
        for other in (
            replace(record, start_ticks=record.start_ticks - 1),
            replace(record, boot="another boot"),
        ):
            assert not processes.alive(other)
            processes.end(other)
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_pid_that_is_gone_is_not_alive() -> None:
    child, record = _sleeper()
    child.kill()
    child.wait()
    assert not processes.alive(record)
    processes.end(record)


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(_stat("Z", 500))
    assert processes.identity(7, tmp_path) == ("Z", 500)
    assert not processes.alive(Record("x", 7, 500, "boot"), tmp_path)


def test_a_name_with_brackets_and_spaces_does_not_confuse(tmp_path: Path) -> None:
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "stat").write_text(_stat("S", 123, name="a) S 1 (b"))
    assert processes.identity(8, tmp_path) == ("S", 123)


def _stat(state: str, start: int, name: str = "etcd") -> str:
    fields = [state, *["0"] * 18, str(start), *["0"] * 30]
    return f"7 ({name}) " + " ".join(fields)


def test_records_survive_the_tool(tmp_path: Path) -> None:
    record = Record("etcd", 12, 34, "boot")
    record.write(tmp_path)
    assert Record.read(tmp_path, "etcd") == record
    assert Record.read(tmp_path, "kubelet") is None
    (tmp_path / "kubelet.json").write_text('{"pid": 1')  # a write that was cut short
    assert Record.read(tmp_path, "kubelet") is None
