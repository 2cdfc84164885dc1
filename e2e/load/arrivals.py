"""When requests are sent: a schedule of rates, or a recorded trace. Pure, and seeded."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SEGMENT = re.compile(r"(?P<length>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)@(?P<rate>\d+(?:\.\d+)?)")


class Workload(Protocol):
    """Anything that says when requests arrive."""

    @property
    def duration_s(self) -> float: ...

    def arrivals(self, seed: int) -> list[float]:
        """Send times in seconds from the start, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time with one mean rate, in requests per second."""

    duration_s: float
    rate: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Poisson arrivals whose rate is constant within each segment."""

    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """`30s@20,60s@200`: 30 seconds at 20 requests/s, then 60 seconds at 200."""
        segments = []
        for part in text.replace(" ", "").split(","):
            match = _SEGMENT.fullmatch(part)
            if match is None:
                raise ValueError(
                    f"schedule part {part!r} is not LENGTH@RATE such as 30s@20 "
                    "(units ms, s, m, h; the rate in requests per second)"
                )
            length = float(match["length"]) * _UNITS[match["unit"]]
            if length == 0:
                raise ValueError(f"schedule part {part!r} lasts no time")
            segments.append(Segment(length, float(match["rate"])))
        return cls(tuple(segments))

    @property
    def duration_s(self) -> float:
        return sum(segment.duration_s for segment in self.segments)

    def arrivals(self, seed: int) -> list[float]:
        """Exponential gaps; a segment's first gap starts at its edge.

        Starting afresh is exact, not an approximation: a Poisson process has no memory.
        """
        rng = random.Random(seed)
        times: list[float] = []
        edge = 0.0
        for segment in self.segments:
            end = edge + segment.duration_s
            if segment.rate > 0:
                time = edge + rng.expovariate(segment.rate)
                while time < end:
                    times.append(time)
                    time += rng.expovariate(segment.rate)
            edge = end
        return times


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded arrivals: counts per interval, or one time a request.

    `intervals` are (start, length, requests); `times` are exact send times. One of them is empty.
    """

    intervals: tuple[tuple[float, float, int], ...] = ()
    times: tuple[float, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Trace:
        """A CSV file, plain or gzipped, headed `second,requests` or `arrival_s`."""
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        try:
            return cls.parse(text)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Trace:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
        if not rows:
            raise ValueError("the trace is empty")
        header, body = [name.strip() for name in rows[0]], rows[1:]
        if header == ["arrival_s"]:
            times = [_number(row, 0, line) for line, row in enumerate(body, 2)]
            return cls(times=tuple(sorted(times)))
        if header != ["second", "requests"]:
            raise ValueError(
                f"the header is {','.join(header)!r}, not 'second,requests' or 'arrival_s'"
            )
        starts = [_number(row, 0, line) for line, row in enumerate(body, 2)]
        counts = [int(_number(row, 1, line)) for line, row in enumerate(body, 2)]
        return cls(intervals=tuple(zip(starts, _lengths(starts), counts, strict=True)))

    @property
    def duration_s(self) -> float:
        ends = [start + length for start, length, _ in self.intervals]
        return max([*ends, *self.times[-1:]], default=0.0)

    def arrivals(self, seed: int) -> list[float]:
        """Exactly the recorded counts, each request at a random place in its interval."""
        rng = random.Random(seed)
        spread = [
            start + length * rng.random()
            for start, length, count in self.intervals
            for _ in range(count)
        ]
        return sorted([*spread, *self.times])


def _lengths(starts: Sequence[float]) -> list[float]:
    """Each interval reaches to the next start; the last is as long as the one before it."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    if any(gap <= 0 for gap in gaps):
        raise ValueError("the column 'second' does not ascend")
    return [*gaps, gaps[-1] if gaps else 1.0] if starts else []


def _number(row: Sequence[str], column: int, line: int) -> float:
    try:
        value = float(row[column])
    except (IndexError, ValueError):
        raise ValueError(f"line {line}: no number in column {column + 1}") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"line {line}: {row[column]} is negative or not finite")
    return value
