"""The time one instance takes for a batch, by its size."""

from __future__ import annotations

from typing import NamedTuple


class ServiceCurve(NamedTuple):
    """Seconds one instance takes for a batch, at measured sizes, ascending and at least one.

    Between points: straight line. Beyond the last: the last slope. With a single point nothing is
    known of the slope, so both sides are pessimistic: a smaller batch takes as long, a larger one
    proportionally longer.
    """

    points: tuple[tuple[int, float], ...]

    def seconds(self, batch: float) -> float:
        """Service time of a batch of that size (> 0), in seconds."""
        first_batch, first_s = self.points[0]
        if len(self.points) == 1:
            return first_s * max(1.0, batch / first_batch)
        if batch <= first_batch:
            return first_s
        for (b0, s0), (b1, s1) in zip(self.points, self.points[1:], strict=False):
            if batch <= b1:
                return s0 + (s1 - s0) * (batch - b0) / (b1 - b0)
        (b0, s0), (b1, s1) = self.points[-2:]
        # A falling last segment must not be carried on to nothing.
        slope = max((s1 - s0) / (b1 - b0), 0.0)
        return s1 + slope * (batch - b1)

    def scaled(self, factor: float) -> ServiceCurve:
        """The same curve, every time multiplied."""
        if factor == 1.0:
            return self
        return ServiceCurve(tuple((b, s * factor) for b, s in self.points))

    def with_front_end(self, front_end_s: float) -> ServiceCurve:
        """The curve with so many seconds more for every request of a batch.

        What a front end (HTTP parsing, serialisation) takes of the core that also executes; none
        where it is 0 or less.
        """
        if front_end_s <= 0.0:
            return self
        if len(self.points) > 1:
            return ServiceCurve(tuple((b, s + b * front_end_s) for b, s in self.points))
        ((batch, seconds),) = self.points
        sizes = (1, batch) if batch > 1 else (1,)
        alone = tuple((b, seconds + b * front_end_s) for b in sizes)
        return ServiceCurve((*alone, (2 * batch, 2 * (seconds + batch * front_end_s))))
