"""A latency percentile as it was read."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.core.signals import Reading
from trimtab.core.snapshot import LatencyBucket


@dataclass(frozen=True, slots=True)
class Latency:
    """A percentile in seconds, where it comes from, and whether it is an estimate. bucket, note: as
    of ModelReadings."""

    reading: Reading
    source: str
    estimated: bool = False
    bucket: LatencyBucket | None = None
    note: str = ""
