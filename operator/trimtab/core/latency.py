"""From a service-time curve and a load to a latency percentile, and back to a capacity.

One Triton instance takes whatever waits, up to the batch cap, and runs it: a bulk-service queue
with Poisson arrivals and nearly deterministic service, M/D^B/1. Its waiting time has an
exponential tail whose rate is known exactly (the root z > 1 of z^B = exp(lambda*s(B)*(z-1)), see
Bailey 1954 and Tijms, A First Course in Stochastic Models, 9.3); the constant before the
exponential is exact for B = 1 and bounded by 1 for larger batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_UTILISATION_LIMIT = 0.95  # beyond it the tail is decided by what the model does not see
_SATURATION_SHARE = 0.7  # planned utilisation where no capacity meets the SLO at all


@dataclass(frozen=True, slots=True)
class ServiceCurve:
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
        return ServiceCurve(tuple((b, s * factor) for b, s in self.points))


@dataclass(frozen=True, slots=True)
class ReplicaModel:
    """One replica: its curve, its instances, and the batch cap Triton was given."""

    curve: ServiceCurve
    instances: int = 1
    batch_cap: int = 1

    @property
    def saturation_rate(self) -> float:
        """Requests per second at which the replica is busy all the time."""
        return self.instances * max(
            b / self.curve.seconds(b) for b in {1, self.batch_cap} if b <= self.batch_cap
        )

    def latency_s(self, rate: float, percentile: float) -> float:
        """The latency percentile in seconds at `rate` requests/s; infinite when saturated.

        Instances are taken as separate queues that share the arrivals evenly, which is pessimistic
        (a shared queue waits less), by the factor that pooling would bring.
        """
        rate_each = rate / self.instances
        full_s = self.curve.seconds(self.batch_cap)
        utilisation = rate_each * full_s / self.batch_cap
        if rate_each <= 0.0:
            return self.curve.seconds(1)
        if utilisation >= _UTILISATION_LIMIT:
            return math.inf
        tail = 1.0 - percentile / 100.0
        own_s = self.curve.seconds(self._late_batch(rate_each, percentile))
        return own_s + max(
            _tail_wait_s(rate_each, full_s, self.batch_cap, tail),
            _residual_wait_s(rate_each, own_s, tail),
        )

    def _late_batch(self, rate_each: float, percentile: float) -> float:
        """The batch that a request at that percentile shares, and waited for: a crowded one.

        What arrives during one service is a Poisson count, so this is the typical batch and its
        standard deviations. With the typical batch alone p99 came out a third too low at 30 to
        60 % load, where no full batch forms and no queue is left behind.
        """
        mean = rate_each * self.curve.seconds(self._typical_batch(rate_each))
        deviations = max(0.0, NormalDist().inv_cdf(percentile / 100.0))
        return min(float(self.batch_cap), max(1.0, mean + deviations * math.sqrt(mean)))

    def _typical_batch(self, rate_each: float) -> float:
        """The batch that forms at this load: what arrives during the service of the one before."""
        batch = 1.0
        for _ in range(20):
            batch = min(float(self.batch_cap), max(1.0, rate_each * self.curve.seconds(batch)))
        return batch


def capacity_rate(model: ReplicaModel, target_s: float, percentile: float) -> float:
    """The largest rate (requests/s) one replica carries with that percentile within `target_s`.

    0 where even an idle replica is slower than the target.
    """
    if model.latency_s(0.0, percentile) > target_s:
        return 0.0
    low, high = 0.0, model.saturation_rate
    for _ in range(30):
        middle = (low + high) / 2
        if model.latency_s(middle, percentile) <= target_s:
            low = middle
        else:
            high = middle
    return low


def service_scale(model: ReplicaModel, rate: float, percentile: float, observed_s: float) -> float:
    """By what factor the service times must grow for the model to say what was observed.

    `rate`: requests/s of one replica. Within 0.5 and 3. Not the ratio of the latencies: a front end
    that takes a third of the core leaves the percentile nearly right at half load, and makes it
    five times too hopeful near saturation.
    """
    low, high = 0.5, 3.0
    for _ in range(20):
        middle = (low + high) / 2
        scaled = ReplicaModel(model.curve.scaled(middle), model.instances, model.batch_cap)
        if scaled.latency_s(rate, percentile) < observed_s:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def unbounded_capacity_rate(model: ReplicaModel) -> float:
    """The rate to plan with where no rate meets the SLO: a stable queue, and no promise."""
    return model.saturation_rate * _SATURATION_SHARE


def best_batch_cap(
    curve: ServiceCurve,
    *,
    instances: int,
    max_batch: int,
    target_s: float,
    percentile: float,
    live_cap: int | None,
    fixed: bool = False,
) -> tuple[int, float]:
    """The batch cap that carries most within the SLO, and what it carries (requests/s).

    A live cap stays while it carries 80 % of the best: a new cap restarts every pod; `fixed`, it
    stays whatever it carries. The smallest
    cap within 5 % of the best wins: a large one that brings nothing only lengthens the tail.
    """
    caps = sorted({min(2**i, max_batch) for i in range(max_batch.bit_length() + 1)})
    carried = {
        cap: capacity_rate(ReplicaModel(curve, instances, cap), target_s, percentile)
        for cap in caps
    }
    best = max(carried.values())
    if live_cap is not None and live_cap <= max_batch:
        live = capacity_rate(ReplicaModel(curve, instances, live_cap), target_s, percentile)
        if fixed or live >= 0.8 * best:
            return live_cap, live
    cap = next(c for c in caps if carried[c] >= 0.95 * best)
    return cap, carried[cap]


def _tail_wait_s(rate: float, service_s: float, cap: int, tail: float) -> float:
    """The waiting time exceeded by a share `tail` of requests, from the exponential tail."""
    load = rate * service_s
    root = _tail_root(load, cap)
    decay = rate * (root - 1.0)
    constant = (1.0 - load) / (load * root - 1.0) if cap == 1 else 1.0
    return max(0.0, math.log(constant / tail) / decay)


def _tail_root(load: float, cap: int) -> float:
    """The root z > 1 of z^cap = exp(load*(z-1)), for load < cap.

    By Newton from the right: the difference of the logarithms is concave and falls there, so every
    step stays right of the root. A decision asks for it thousands of times.
    """
    root = 2.0 * cap / load  # at cap/load the difference is at its largest
    while cap * math.log(root) > load * (root - 1.0):
        root *= 2.0
    for _ in range(50):
        difference = cap * math.log(root) - load * (root - 1.0)
        step = difference / (cap / root - load)
        root -= step
        if step <= 1e-12 * root:
            break
    return root


def _residual_wait_s(rate: float, service_s: float, tail: float) -> float:
    """What is left of the batch in service when a request arrives, at that tail share.

    The instance is busy with probability min(1, rate*service); the rest is uniform in it.
    """
    busy = min(1.0, rate * service_s)
    return service_s * max(0.0, 1.0 - tail / busy) if busy > 0 else 0.0
