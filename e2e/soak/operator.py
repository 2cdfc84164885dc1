"""Watches the operator's own process: how large it gets, and how often another takes its place."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType

from e2e.kit.access import Access, CommandFailed
from e2e.kit.install import NAMESPACE

_EVERY_S = 5.0


class OperatorWatch:
    """Looks every few seconds, in a thread of its own, until left."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._stop = threading.Event()
        self._seen: set[tuple[str, int]] = set()
        self.rss_mib_max = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> OperatorWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    @property
    def restarts(self) -> int:
        """How often another process took its place."""
        return max(0, len(self._seen) - 1)

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            # Away, or without an API server to ask: the next look finds what is there then.
            with contextlib.suppress(CommandFailed, ValueError, KeyError, IndexError):
                self._look()

    def _look(self) -> None:
        selector = "app.kubernetes.io/name=trimtab"
        for pod in self._access.json("pods", "-n", NAMESPACE, "-l", selector)["items"]:
            (status,) = pod["status"]["containerStatuses"]
            if "running" not in status["state"]:
                continue
            self._seen.add((pod["metadata"]["uid"], status["restartCount"]))
            name = pod["metadata"]["name"]
            said = self._access.kubectl(
                *("exec", "-n", NAMESPACE, name, "--", "grep", "VmRSS", "/proc/1/status")
            )
            self.rss_mib_max = max(self.rss_mib_max, int(said.split()[1]) / 1024)
