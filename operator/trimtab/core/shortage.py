"""What a model misses with so many replicas, where not everybody can have what he asks for.

Counted from now until five minutes after its queue is back within the target. While a backlog
lasts every request waits behind it and is late, and a replica that is still to start helps only
once it is Ready. Then the share of late requests follows from the load: waiting times fall off
exponentially, at a rate in proportion to the capacity that is spare (Kingman 1962), and at
`capacity_rate` the share that may be late is, at `saturation_rate` all are:

    late(load) = tail ^ ((saturation_rate - load) / (saturation_rate - capacity_rate))

by replica, within a few per cent of the queue model of `latency` up to 1.2 times the capacity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trimtab.core.optimise.score import missing_share

RECOVERED_S = 300.0
# Of two that cannot be saved the emptier is worse off, but by far less than saving one is worth.
_HOPELESS = 0.02
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Strain:
    """rate: arriving requests/s, above 0; backlog: requests that wait beyond what is in time.
    ready, starting: replicas; starting_s: until the latter serve; start_s: until one that is yet to
    be created does. capacity_rate, saturation_rate: requests/s of a replica within the SLO and at
    most, the first below the second; tail: the share that may be late."""

    rate: float
    backlog: float
    ready: int
    starting: int
    starting_s: float
    start_s: float
    capacity_rate: float
    saturation_rate: float
    tail: float

    def missed_rates(self, most: int) -> list[float]:
        """Requests/s that are missed with 0, 1, .. `most` replicas; never rises."""
        depths = missing_share(np.arange(most + 1.0) * (self.capacity_rate / self.rate)).tolist()
        found = [self.rate]
        for replicas in range(1, most + 1):
            # Whom the SLO is kept for lacks nothing: a higher priority would take all for the rest.
            beyond = max(0.0, self._missed(replicas) - self.tail) / (1.0 - self.tail)
            share = (1.0 - _HOPELESS) * beyond + _HOPELESS * depths[replicas]
            found.append(min(self.rate * share, found[-1]))
        return found

    def worth_a_thought(self) -> int:
        """Replicas that keep the SLO and work the backlog off in five minutes. Faster is for others
        to pay: a high priority that was late took all from nine that were not."""
        drained = (self.rate + self.backlog / RECOVERED_S) / self.saturation_rate
        return math.ceil(max(self.rate / self.capacity_rate, drained) - _EPSILON)

    def _missed(self, replicas: int) -> float:
        spare = replicas * self.saturation_rate - self.rate
        if spare <= _EPSILON * self.rate:
            return 1.0
        queue, lost_s, passed_s = self.backlog, 0.0, 0.0
        for seconds, serving in self._phases(replicas):
            queue, lost = self._phase(queue, seconds, serving)
            lost_s += lost
            passed_s += seconds
        drain_s = queue / spare
        lost_s += drain_s + self._late(replicas) * RECOVERED_S
        return lost_s / (passed_s + drain_s + RECOVERED_S)

    def _phases(self, replicas: int) -> Iterator[tuple[float, int]]:
        """(seconds, replicas that serve) until all do. Where none ever did nothing can queue."""
        if not self.ready and not self.starting:
            return
        first_s = self.starting_s if self.starting else 0.0
        if self.starting:
            yield first_s, min(replicas, self.ready)
        yield self.start_s - first_s, min(replicas, self.ready + self.starting)

    def _phase(self, queue: float, seconds: float, serving: int) -> tuple[float, float]:
        """(the queue after it, seconds of requests lost in it)."""
        spare = serving * self.saturation_rate - self.rate
        if spare <= 0.0:
            return queue - spare * seconds, seconds
        busy_s = min(seconds, queue / spare)
        late_s = (seconds - busy_s) * self._late(serving)
        return max(0.0, queue - spare * seconds), busy_s + late_s

    def _late(self, replicas: int) -> float:
        room = self.saturation_rate - self.rate / replicas
        return float(self.tail ** (room / (self.saturation_rate - self.capacity_rate)))
