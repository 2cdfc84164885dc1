"""The load generator in a process of its own, with a live account of every second.

Apart, so that whatever the caller does meanwhile (read a cluster, draw a line) cannot delay a
request. It speaks through the command line's own `--stream`: one JSON line a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from e2e.load.generator import Report
from e2e.load.stats import Result, Second

ROOT = Path(__file__).parents[2]


class LoadError(RuntimeError):
    """The generator's process ended without a report."""


class LoadProcess:
    """Starts at once. A context manager: leaving it ends the process, come what may.

    `arguments` are those of `python -m e2e.load`, for instance
    `["--url", url, "--model", "digits", "--schedule", "30s@20,60s@200"]`.
    """

    def __init__(self, arguments: Sequence[str], *, niceness: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trimtab-load-")
        self._report = Path(self._folder.name) / "report.json"
        self._log = Path(self._folder.name) / "stderr"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "e2e.load", *arguments, *self._streaming()],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if niceness is not None:
            # A wish: without the right to it, the load is sent all the same.
            with contextlib.suppress(PermissionError, ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        self._started_at_s: float | None = None
        self._seconds: list[Second] = []
        self._taken = 0
        self._reader = threading.Thread(target=self._read, name="load-reader", daemon=True)
        self._reader.start()

    def _streaming(self) -> list[str]:
        return ["--stream", "--json", str(self._report)]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            value: Any = json.loads(line)
            if isinstance(value, dict):
                self._started_at_s = float(value["started_at_s"])
            else:
                self._seconds.append(Second(*value))

    @property
    def started_at_s(self) -> float | None:
        """The epoch time of second 0; None until the first request is about to go."""
        return self._started_at_s

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def new_seconds(self) -> list[Second]:
        """The seconds that ended since the last call; never waits."""
        end = len(self._seconds)
        fresh, self._taken = self._seconds[self._taken : end], end
        return fresh

    def stop(self) -> None:
        """Send nothing more; what is in flight may finish, and the report still comes."""
        if self.running:
            self._process.terminate()

    def report(self, timeout_s: float | None = None) -> Report:
        """Wait for the end and read every result."""
        code = self._process.wait(timeout_s)
        self._reader.join()
        if not self._report.exists():
            said = self._log.read_text(errors="replace").strip()
            raise LoadError(f"the load generator ended with code {code}: {said[-2000:]}")
        data = json.loads(self._report.read_text())
        return Report(
            data["started_at_s"],
            data["elapsed_s"],
            data["cpu_s"],
            tuple(Result(*row) for row in data["results"]),
        )

    def __enter__(self) -> LoadProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()
