"""python -m e2e.peers [--out FILE] [--minutes N] [--seed N] [--trace FILE@SECOND] [NAME…]

trimtab, KEDA and a HorizontalPodAutoscaler, one after the other: same cluster, model and load.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo import play
from e2e.demo.account import say
from e2e.kit.access import Access, CommandFailed, reach
from e2e.kit.install import install_prometheus
from e2e.kit.saturation import SaturationError, most_of_one_replica
from e2e.load.arrivals import Schedule, Trace
from e2e.load.process import LoadError
from e2e.peers.figures import Outcome, table
from e2e.peers.play import VARIANT, compete, contenders
from e2e.soak import bursts

_NAMES = ("trimtab", "keda", "hpa")
_PEAK = 1.5
"""Times what one replica answers at most; drawn bursts reach a third more."""


def main() -> int:
    arguments = _parser().parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    say(f"seed {seed}: the same load again with --seed {seed}")
    try:
        outcomes = _all(reach(), arguments, seed)
    except (
        *(ClusterError, CommandFailed, LoadError, SaturationError),
        *(TimeoutError, ValueError, OSError),
    ) as error:
        print(f"\nThe bench stopped: {error}", file=sys.stderr)
        return 1
    say("\n" + table(outcomes))
    if arguments.out:
        found = {"seed": seed, "runs": [dataclasses.asdict(o) for o in outcomes]}
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_NAMES)}: all")
    parser.add_argument("--out", type=Path, help="write the figures as JSON to this file")
    parser.add_argument("--minutes", type=float, default=8.0, help="of each run")
    parser.add_argument("--seed", type=int, help="of the load (default: drawn)")
    parser.add_argument(
        "--trace",
        metavar="FILE@SECOND",
        help="a recorded trace from that second on, scaled to the fleet (default: drawn bursts)",
    )
    return parser


def _all(access: Access, arguments: argparse.Namespace, seed: int) -> Sequence[Outcome]:
    cluster = access.embedded
    if cluster is None:
        raise ClusterError(
            "KUBECONFIG names a cluster of yours, and this bench adds APIs to the API server:"
            " unset it, and the embedded one is used"
        )
    images = play.installed(access)
    known = contenders(access, cluster, install_prometheus(access, images))
    if unknown := [name for name in arguments.names if name not in known]:
        raise ValueError(f"{', '.join(unknown)}: choose from {', '.join(_NAMES)}")
    with step(f"measuring what one replica of {VARIANT} answers at most"):
        most = most_of_one_replica(access, images, VARIANT)
    schedule = _schedule(arguments, seed, _PEAK * most)
    outcomes = []
    for name in arguments.names or _NAMES:
        say(f"\n{known[name].name}")
        outcomes.append(compete(access, images, known[name], schedule, seed))
        say(table(outcomes[-1:]))
    return outcomes


def _schedule(arguments: argparse.Namespace, seed: int, peak: float) -> Schedule:
    duration_s = 60.0 * arguments.minutes
    if not arguments.trace:
        return bursts.drawn(seed, duration_s, peak)
    path, _, second = arguments.trace.partition("@")
    trace = Trace.read(Path(path))
    return bursts.cut(trace.intervals, float(second or 0), duration_s, peak)


if __name__ == "__main__":
    sys.exit(main())
