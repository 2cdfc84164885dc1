"""Traces from CSV files, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import Path

import numpy as np

from trimtab.simulate.errors import SimulationError
from trimtab.simulate.trace import Floats, Trace

_COUNTS = "second,requests"
_TIMES = "arrival_s"
# One bin a second where arrivals have times: more would not fit into the memory.
_LONGEST_S = 400 * 86400.0
_MOST = 1e12  # requests, of one trace
# As numpy reads them; Python's own float() also takes 1_000, and digits of other scripts.
_NUMBER = re.compile(r"\s*\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_HEADERS = f"{_COUNTS!r} or {_TIMES!r}"


def read_trace(path: Path) -> Trace:
    """The trace in a file whose first line is `second,requests` or `arrival_s`.

    `second` is the start of an interval and `requests` the arrivals in it; the last interval is as
    long as the one before, and one second long where it is alone. `arrival_s` is one arrival a row,
    in any order. Time counts from the first row, down to its whole second. Raises SimulationError
    with file, line, value and mend.
    """
    lines = _text(path).splitlines()
    header = lines[0].strip().lower().replace(" ", "") if lines else ""
    if header not in (_COUNTS, _TIMES):
        shown = lines[0][:80] if lines else ""
        raise SimulationError(f"{path}, line 1: {shown!r} is no header: begin with {_HEADERS}.")
    columns = header.count(",") + 1
    rows = _numbers(path, lines, columns)
    firsts = rows[:, 0]
    if firsts.max() - firsts.min() > _LONGEST_S:
        raise SimulationError(
            f"{path}: from {firsts.min():g} to {firsts.max():g} are more than the"
            f" {_LONGEST_S / 86400:g} days of the longest trace: give times in seconds."
        )
    return _from_counts(path, rows) if columns == 2 else _from_times(firsts)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise SimulationError(f"{path}: {error.strerror or error}.") from None
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SimulationError(f"{path} is neither CSV nor gzipped CSV: {error}.") from None


def _numbers(path: Path, lines: list[str], columns: int) -> Floats:
    """The rows below the header, shape (rows, columns)."""
    try:
        below = [line for line in lines[1:] if line.strip()]
        body = io.StringIO("\n".join(below))
        rows = np.loadtxt(body, delimiter=",", ndmin=2, comments=None) if below else None
    except ValueError:
        rows = None
    if (
        rows is not None
        and rows.shape[1] == columns
        and bool((np.isfinite(rows) & (rows >= 0)).all())
    ):
        return rows
    for number, line in enumerate(lines[1:], start=2):
        if line.strip() and not _good(line, columns):
            wanted = "second,requests" if columns == 2 else "one time"
            raise SimulationError(
                f"{path}, line {number}: {line[:80]!r} is not {wanted} as numbers from 0 on: "
                "mend or remove the line."
            )
    raise SimulationError(f"{path}: there is no row below the header: add some.")


def _good(line: str, columns: int) -> bool:
    fields = line.split(",")
    return len(fields) == columns and all(
        _NUMBER.fullmatch(f) and float(f) < float("inf") for f in fields
    )


def _from_counts(path: Path, rows: Floats) -> Trace:
    starts, counts = rows[:, 0], rows[:, 1]
    steps = np.diff(starts)
    if (steps <= 0).any():
        at = int(np.argmax(steps <= 0)) + 1
        raise SimulationError(
            f"{path}, row {at + 1}: second {starts[at]:g} does not come after {starts[at - 1]:g}: "
            "sort the rows by second, one row for each."
        )
    if (counts != np.floor(counts)).any():
        at = int(np.argmax(counts != np.floor(counts)))
        raise SimulationError(
            f"{path}, row {at + 1}: requests {counts[at]:g} is not a whole number: round it, "
            "or change the rate with --scale-trace."
        )
    if counts.sum() > _MOST:
        raise SimulationError(
            f"{path}: it holds {counts.sum():g} requests, and a trace at most {_MOST:g}: cut it, or"
            " mend the numbers."
        )
    passed = starts - starts[0]
    edges = np.append(passed, passed[-1] + (steps[-1] if len(steps) else 1.0))
    return Trace(edges, counts.astype(np.int64))


def _from_times(times: Floats) -> Trace:
    times = np.sort(times)
    times = times - np.floor(times[0])
    # A second a bin; arrivals keep their own times.
    edges = np.arange(np.floor(times[-1]) + 2.0)
    counts, _ = np.histogram(times, bins=edges)
    return Trace(edges, counts.astype(np.int64), times)
