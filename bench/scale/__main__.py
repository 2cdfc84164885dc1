"""The operator over a fleet of thousands: how long a tick takes, and what it costs meanwhile.

    python -m bench.scale --models 1000 --nodes 2000 --out FILE

Nodes and pods are kwok's, the API server, the controllers, the scheduler and Prometheus are real.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.scale.figures import rows
from bench.scale.run import Asked, play


def main() -> None:
    """Prints the figures, and writes them as JSON where a file is named."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument("--rest", type=float, default=180.0, help="seconds at rest")
    parser.add_argument("--move", type=float, default=300.0, help="seconds with moving loads")
    parser.add_argument("--settle", type=float, default=900.0, help="seconds to come to rest in")
    parser.add_argument("--out", type=Path, help="a file for the figures as JSON")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs, kept afterwards")
    parser.add_argument("--profile", action="store_true", help="profile it at rest (with --keep)")
    asked = parser.parse_args()
    # Also when it is told to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="trimtab-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    what = Asked(asked.models, asked.nodes, asked.rest, asked.move, asked.settle, asked.profile)
    try:
        results = play(what, folder)
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(rows(results))  # noqa: T201 - the result is the output
    if asked.out:
        asked.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
