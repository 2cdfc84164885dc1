"""How one reading of a service time moves what is believed of a curve.

Believed is a seed (the profile, or the first reading) and two corrections to its logarithm: a level
for all batch sizes, and a tilt for every doubling of the size. A Kalman filter splits each reading
between them: the level may change within a minute, the shape is slow to change and is learnt as
batches of different sizes are seen.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from trimtab.core.latency import ServiceCurve
from trimtab.core.memo import WORKLOADS_KEPT

_GATE = math.log(2.0)  # a reading further than this from the estimate is an outlier at first
# A profile of another machine is often wrong by two, and no reason to doubt what serving shows: it
# was held back for a minute and a half, in which the fleet was half of what the load needed.
_SEED_GATE = math.log(5.0)
_SEED_READINGS = 6  # from so many on the estimate is what serving told
_OUTLIERS_BELIEVED_S = 90.0  # an outlier that outlasts the window it was read over is the truth
_LEVEL_SD = math.log(1.5)  # of a seed
_TILT_SD = 0.05  # of a seed with several sizes, for each doubling
_TILT_UNKNOWN_SD = 0.5  # of a seed with one: nothing says how its time grows
_LEVEL_DRIFT = 0.04  # standard deviation from one reading to the next
_TILT_DRIFT = 0.0005
_READING_SD = 0.05  # of the mean of very many: windows overlap, and its batches are inferred
_MIXED_SD = 1.0  # of a window that saw more than one load
_EXECUTION_SD = 0.5  # of a single one
_STEP, _TILT_STEP = 0.01, 0.0025  # logarithms
_LARGEST_BATCH = 64  # as far as a seed of one size is laid out


class Learned(NamedTuple):
    """The service-time curve of one workload, as serving taught it.

    base: what the corrections are to; level, tilt: logarithms, the tilt for a doubling of the batch
    size; spread: the variances of level, of both together, and of tilt. samples: readings accepted
    so far; outliers_since_s: since when the gate holds readings back; seed: the profile it started
    from, so that an edited profile starts over. read_s: of when the newest sample was that the last
    reading saw.
    """

    base: ServiceCurve
    level: float = 0.0
    tilt: float = 0.0
    spread: tuple[float, float, float] = (_LEVEL_SD**2, 0.0, _TILT_SD**2)
    samples: int = 0
    outliers_since_s: float | None = None
    seed: tuple[tuple[int, float], ...] = ()
    read_s: float | None = None

    @property
    def curve(self) -> ServiceCurve:
        """The curve that is believed, to within a percent: one that moves less is the same curve,
        and what was worked out for it holds."""
        return _bent(self.base, *self.steps)

    @property
    def steps(self) -> tuple[int, int]:
        """Level and tilt in the steps by which curves are told apart."""
        return round(self.level / _STEP), round(self.tilt / _TILT_STEP)

    def factor(self, batch: float) -> float:
        """By how much the time of such a batch differs from the base."""
        return math.exp(self.level + self.tilt * math.log2(max(1.0, batch)))


@lru_cache(maxsize=WORKLOADS_KEPT)
def from_seed(seed: tuple[tuple[int, float], ...]) -> Learned:
    """What a profile alone tells."""
    base = ServiceCurve(seed)
    return Learned(base, spread=_prior(base), seed=seed)


def first_seen(batch: float, seconds: float) -> Learned:
    """What one reading alone tells, where there was no profile."""
    base = ServiceCurve(((round(batch), seconds),))
    return Learned(base, spread=(_READING_SD**2, 0.0, _prior(base)[2]), samples=1)


def believe(
    before: Learned,
    batch: float,
    seconds: float,
    executions: float,
    now_s: float,
    *,
    is_mixed: bool = False,
) -> Learned:
    """The belief after a reading: batches of `batch` took `seconds` over so many executions.

    is_mixed: they were of more than one load, so that their mean size tells little of their sizes.
    In the first minute of a fivefold burst, full batches and single ones together look like the
    middling batches of a model that is a third slower, and a third too many replicas were bought.
    """
    error = math.log(seconds / (before.base.seconds(batch) * before.factor(batch)))
    gate = _GATE if before.samples >= _SEED_READINGS else _SEED_GATE
    if abs(error) <= gate:
        return _corrected(before, batch, error, executions, _MIXED_SD if is_mixed else _READING_SD)
    # One scrape across a restart reads absurd, in every tick until it has left the window; a seed
    # that is wrong by ten reads so for ever.
    since_s = now_s if before.outliers_since_s is None else before.outliers_since_s
    if now_s - since_s < _OUTLIERS_BELIEVED_S:
        return before._replace(outliers_since_s=since_s)
    return before._replace(
        level=before.level + error,
        spread=(_LEVEL_SD**2, 0.0, before.spread[2]),
        samples=1,
        outliers_since_s=None,
    )


def _corrected(
    before: Learned, batch: float, error: float, executions: float, reading_sd: float
) -> Learned:
    """One step of the filter; `error` is the logarithm of measured over believed."""
    doublings = math.log2(max(1.0, batch))
    level, both, tilt = before.spread
    level += _LEVEL_DRIFT**2
    # What was learnt of the shape fades no further than to what is known of any seed.
    tilt = min(tilt + _TILT_DRIFT**2, _prior(before.base)[2])
    with_level = level + both * doublings
    with_tilt = both + tilt * doublings
    noise = reading_sd**2 + _EXECUTION_SD**2 / max(1.0, executions)
    whole = with_level + with_tilt * doublings + noise
    to_level, to_tilt = with_level / whole, with_tilt / whole
    return before._replace(
        level=before.level + to_level * error,
        tilt=before.tilt + to_tilt * error,
        spread=(
            level - to_level * with_level,
            both - to_level * with_tilt,
            tilt - to_tilt * with_tilt,
        ),
        samples=before.samples + 1,
        outliers_since_s=None,
    )


@lru_cache(maxsize=8192)
def _bent(base: ServiceCurve, level_steps: int, tilt_steps: int) -> ServiceCurve:
    level, tilt = level_steps * _STEP, tilt_steps * _TILT_STEP
    if not tilt_steps:
        return base.scaled(math.exp(level))
    points: list[tuple[int, float]] = []
    for batch in _sizes(base):
        seconds = base.seconds(batch) * math.exp(level + tilt * math.log2(batch))
        if points and base.seconds(batch) >= base.seconds(points[-1][0]):
            seconds = max(seconds, points[-1][1])  # a tilt must not make more work less time
        points.append((batch, seconds))
    return ServiceCurve(tuple(points))


def _prior(base: ServiceCurve) -> tuple[float, float, float]:
    sd = _TILT_SD if len(base.points) > 1 else _TILT_UNKNOWN_SD
    return _LEVEL_SD**2, 0.0, sd**2


def _sizes(base: ServiceCurve) -> list[int]:
    sizes = {b for b, _ in base.points}
    last = max(sizes) if len(sizes) > 1 else _LARGEST_BATCH
    return sorted(sizes | {1 << i for i in range(last.bit_length()) if 1 << i <= last})
