"""Which share of a run's requests was answered in time: of a flood, and of what came after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bench.calibration.compare import Profile
from e2e.load.stats import Result
from trimtab.api.resources import (
    ImageSource,
    LatencySlo,
    ModelDeployment,
    ObjectKey,
    TritonSettings,
    Variant,
)
from trimtab.core.latency import ServiceCurve
from trimtab.core.queue_timeout import queue_timeout_s
from trimtab.simulate.player import Player
from trimtab.simulate.truth import ServiceTruth

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of 1."""

    flood: float
    after: float


def in_time(results: Sequence[Result], target_s: float, flood_s: float) -> Shares:
    """Of a run that was measured; a request that failed was not in time."""
    good = [not r.error and r.latency_s <= target_s for r in results]
    return Shares(
        float(np.mean([g for g, r in zip(good, results, strict=True) if r.scheduled_s < flood_s])),
        float(np.mean([g for g, r in zip(good, results, strict=True) if r.scheduled_s >= flood_s])),
    )


def simulated(
    profile: Profile,
    arrivals: Sequence[float],
    target_s: float,
    flood_s: float,
    batch_cap: int,
    *,
    late_last: bool,
) -> Shares:
    """Of the same arrivals at one simulated replica; the flood is shorter than a minute."""
    spec = _spec(profile, target_s, late_last=late_last)
    player = Player(spec, profile.case.max_batch, 1, (1,))
    player.set_speeds([ServiceTruth(ServiceCurve(profile.times), None, profile.front_end_s)])
    timeout_s = queue_timeout_s(spec, profile.case.variant)
    row = player.add(0, batch_cap, 0.0, timeout_s=timeout_s)
    # The simulator counts by minute: the flood ends with the first.
    times = np.array(arrivals) + (_MINUTE_S - flood_s)
    end_s = 2 * _MINUTE_S
    player.play(end_s, times, np.full(len(times), row))
    player.finish(end_s)
    flood, after = player.book.closed
    return Shares(flood.slo_share, after.slo_share)


def _spec(profile: Profile, target_s: float, *, late_last: bool) -> ModelDeployment:
    case = profile.case
    return ModelDeployment(
        key=ObjectKey("calibration", case.name),
        uid=case.name,
        generation=1,
        model=case.model,
        slo=LatencySlo(99.0, target_s),
        triton=TritonSettings("triton", case.max_batch, late_last=late_last),
        variants=(Variant(case.variant, Decimal("0.5"), ImageSource("models"), ("core",)),),
        min_accuracy=Decimal(0),
    )
