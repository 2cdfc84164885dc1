"""The load that a command line asks for: drawn from a seed, or cut from a recorded trace."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from e2e.load.arrivals import Schedule, Trace
from e2e.soak import bursts


def add_options(parser: argparse.ArgumentParser, minutes: float) -> None:
    """--out, --minutes, --seed and --trace."""
    parser.add_argument("--out", type=Path, help="write the figures as JSON to this file")
    parser.add_argument("--minutes", type=float, default=minutes, help="of each load")
    parser.add_argument("--seed", type=int, help="of all that is drawn (default: drawn itself)")
    parser.add_argument(
        "--trace",
        metavar="FILE@SECOND",
        help="a recorded trace from that second on, scaled to the fleet (default: drawn bursts)",
    )


def seed_of(arguments: argparse.Namespace) -> int:
    """The seed that was given, or one that is drawn."""
    if arguments.seed is not None:
        return int(arguments.seed)
    return random.SystemRandom().randrange(10**6)


def schedule_of(
    arguments: argparse.Namespace, seed: int, peak: float, later_s: float = 0.0
) -> Schedule:
    """With `peak` requests/s at most, or about; of a trace, `later_s` further on in it."""
    duration_s = 60.0 * arguments.minutes
    if not arguments.trace:
        return bursts.drawn(seed, duration_s, peak)
    path, _, second = arguments.trace.partition("@")
    intervals = Trace.read(Path(path)).intervals
    return bursts.cut(intervals, float(second or 0) + later_s, duration_s, peak)
