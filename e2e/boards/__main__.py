"""python -m e2e.boards fleet|model --out FILE [--namespace N] [--model M] [--minutes N]

Draws a dashboard of the chart from the Prometheus of the embedded cluster: what Grafana would show
of the last minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.boards.board import Panel, legend_of, panels_of
from e2e.boards.draw import Line, draw, line_of
from e2e.cluster.errors import ClusterError
from e2e.kit.access import Access, CommandFailed
from e2e.kit.install import Images, install_prometheus
from e2e.kit.observability import WINDOWS
from e2e.kit.prometheus import ask_range
from e2e.kit.reach import reach

_POINTS = 240


def main() -> int:
    arguments = _parser().parse_args()
    try:
        _draw(reach(), arguments)
    except (ClusterError, CommandFailed, TimeoutError, OSError) as error:
        print(f"\nNothing was drawn: {error}", file=sys.stderr)
        return 1
    return 0


def _draw(access: Access, arguments: argparse.Namespace) -> None:
    prometheus, seconds = install_prometheus(access, Images.of(access)), 60.0 * arguments.minutes
    variables = {
        **WINDOWS,
        "namespace": arguments.namespace,
        "modeldeployment": arguments.model,
        "__range": f"{seconds:.0f}s",
    }
    now_s = time.time()
    found = [
        (panel, _lines(prometheus, panel, now_s, seconds))
        for panel in panels_of(arguments.board, variables)
    ]
    of = f"{arguments.namespace}/{arguments.model}" if arguments.board == "model" else "the fleet"
    draw(arguments.out, f"trimtab: {of}, the last {arguments.minutes:g} minutes", seconds, found)


def _lines(prometheus: str, panel: Panel, now_s: float, seconds: float) -> Sequence[Line]:
    step_s = max(1.0, seconds / _POINTS)
    return [
        line_of(legend_of(target, series.labels), series.points, now_s, step_s)
        for target in panel.targets
        for series in ask_range(prometheus, target.promql, now_s - seconds, now_s, step_s)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.boards", description=__doc__)
    parser.add_argument("board", choices=("fleet", "model"))
    parser.add_argument("--out", type=Path, required=True, help="the PNG")
    parser.add_argument("--namespace", default=".+", help="of the fleet a pattern: all")
    parser.add_argument("--model", default="digits")
    parser.add_argument("--minutes", type=float, default=15.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
