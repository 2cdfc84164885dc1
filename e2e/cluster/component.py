"""One component as a running thing: started, watched, and ended on purpose by fault tests."""

from __future__ import annotations

import time

from e2e.cluster import cgroups, processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.health import healthy, port_taken
from e2e.cluster.paths import Paths
from e2e.cluster.processes import Record
from e2e.cluster.specs import Spec


class Component:
    """A handle that any process may make; what it knows is read from the state folder."""

    def __init__(self, spec: Spec, paths: Paths) -> None:
        self.spec = spec
        self.log = paths.logs / f"{spec.name}.log"
        self._paths = paths

    @property
    def record(self) -> Record | None:
        return Record.read(self._paths.records, self.spec.name)

    @property
    def running(self) -> bool:
        record = self.record
        return record is not None and processes.alive(record)

    def start(self, *, wait: bool = True) -> None:
        """Start it unless it runs, and wait until it is well."""
        if not self.running:
            self._await_port()
            processes.start(
                self.spec.name,
                self.spec.argv,
                log=self.log,
                records=self._paths.records,
                cgroup=cgroups.create(),
            )
        if wait:
            self.wait()

    def _await_port(self, patience: float = 5.0) -> None:
        """A killed process holds its port until the last of its threads is gone."""
        deadline = time.monotonic() + patience
        while port_taken(self.spec):
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{self.spec.name} cannot start: something else answers at {self.spec.probe}"
                )
            time.sleep(0.05)

    def wait(self) -> None:
        deadline = time.monotonic() + self.spec.patience
        while not self.healthy():
            if not self.running:
                raise ClusterError(
                    f"{self.spec.name} ended. Its last words ({self.log}):\n"
                    + processes.last_words(self.log)
                )
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{self.spec.name} is not well after {self.spec.patience:.0f} s ({self.log}):\n"
                    + processes.last_words(self.log)
                )
            time.sleep(0.1)

    def healthy(self) -> bool:
        return self.running and healthy(self.spec, self._paths)

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(grace=10.0)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(grace=0.0)

    def _end(self, grace: float) -> None:
        record = self.record
        if record is not None:
            processes.end(record, grace=grace)
