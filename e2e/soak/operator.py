"""Watches the operator's own process: how large it gets, and how often another takes its place."""

from __future__ import annotations

import contextlib

from e2e.kit.access import Access, CommandFailed
from e2e.kit.background import Background
from e2e.kit.operator import Operator

_EVERY_S = 5.0


class OperatorWatch(Background):
    """Looks every few seconds until left."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._operator = Operator(access)
        self._seen: set[tuple[str, int]] = set()
        self.rss_mib_max = 0.0

    @property
    def restarts(self) -> int:
        """How often another process took its place."""
        return max(0, len(self._seen) - 1)

    def _run(self) -> None:
        while not self._left.wait(_EVERY_S):
            # Away, or without an API server to ask: the next look finds what is there then.
            with contextlib.suppress(CommandFailed, ValueError, KeyError, IndexError):
                self._look()

    def _look(self) -> None:
        for pod in self._operator.all_pods():
            (status,) = pod["status"]["containerStatuses"]
            if "running" not in status["state"]:
                continue
            self._seen.add((pod["metadata"]["uid"], status["restartCount"]))
            resident_mib = self._operator.resident_mib(pod["metadata"]["name"])
            self.rss_mib_max = max(self.rss_mib_max, resident_mib)
