"""python -m e2e.peers [--out FILE] [--minutes N] [--seed N] [--trace FILE@SECOND] [NAME…]

trimtab, KEDA and a HorizontalPodAutoscaler, one after the other: same cluster, model and load.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo import play
from e2e.demo.account import say
from e2e.kit.access import Access, CommandFailed
from e2e.kit.install import install_prometheus
from e2e.kit.reach import reach
from e2e.kit.saturation import SaturationError, most_of_one_replica
from e2e.load.process import LoadError
from e2e.peers.figures import Outcome, table
from e2e.peers.play import VARIANT, compete, contenders
from e2e.soak.asked import add_options, schedule_of, seed_of

_NAMES = ("trimtab", "keda", "hpa")
_PEAK = 1.5
"""Times what one replica answers at most; drawn bursts reach a third more."""


def main() -> int:
    arguments = _parser().parse_args()
    seed = seed_of(arguments)
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
    add_options(parser, minutes=8.0)
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
    schedule = schedule_of(arguments, seed, _PEAK * most)
    outcomes = []
    for name in arguments.names or _NAMES:
        say(f"\n{known[name].name}")
        outcomes.append(compete(access, images, known[name], schedule, seed))
        say(table(outcomes[-1:]))
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
