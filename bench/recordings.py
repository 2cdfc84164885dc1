"""What is in the recordings that no rule can know before: jumps and silences.

    python -m bench.recordings --traces DIR

A jump: ten seconds bring more than so many times the mean rate of the minute before them, where
that is 5 requests/s or more; jumps less than five minutes apart are one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.cases import RECORDINGS, Stretch, recording_file, trace_folder
from trimtab.simulate.trace_file import read_trace

_BEFORE_S, _BURST_S, _APART_S = 60, 10, 300
_LEAST_RATE = 5.0


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.recordings", description=__doc__)
    parser.add_argument("--traces", type=Path, help="folder of the recordings")
    folder = trace_folder(parser.parse_args().traces)
    print(  # noqa: T201 - the result is the output
        "| recording | hours | jumps > 3x | > 4x | > 5x | hours between, median |"
        " empty 10 s | longest silence s | busiest 10 s of mean |\n" + "|---" * 9 + "|"
    )
    for name in RECORDINGS:
        counts = np.rint(read_trace(recording_file(folder, Stretch(name, 0, 0))).rates(1)).astype(
            np.int64
        )
        found = [jumps_s(counts, factor) for factor in (3.0, 4.0, 5.0)]
        between = np.median(np.diff(found[0])) / 3600 if found[0].size > 1 else float("nan")
        tens = counts[: counts.size // 10 * 10].reshape(-1, 10).sum(axis=1)
        print(  # noqa: T201
            f"| {name} | {counts.size / 3600:.1f} | {' | '.join(str(f.size) for f in found)} |"
            f" {between:.1f} | {np.mean(tens == 0):.0%} | {_longest_silence_s(counts)} |"
            f" {tens.max() / tens.mean():.1f} |"
        )
    return 0


def jumps_s(counts: NDArray[np.int64], factor: float) -> NDArray[np.int64]:
    """The seconds in which jumps begin, of requests by the second."""
    sums = np.concatenate(([0], np.cumsum(counts)))
    at = np.arange(_BEFORE_S, counts.size - _BURST_S + 1)
    before = (sums[at] - sums[at - _BEFORE_S]) / _BEFORE_S
    burst = (sums[at + _BURST_S] - sums[at]) / _BURST_S
    seen = at[(burst > factor * before) & (before >= _LEAST_RATE)]
    return seen[np.diff(seen, prepend=-_APART_S - 1) > _APART_S]


def _longest_silence_s(counts: NDArray[np.int64]) -> int:
    busy = np.flatnonzero(counts)
    return int(np.diff(busy).max()) - 1


if __name__ == "__main__":
    sys.exit(main())
