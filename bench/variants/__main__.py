"""python -m bench.variants: make, judge and serve the variants of all sample models."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from bench.variants import rows, serve, triton
from bench.variants.asked import ASKED
from model_repo import REPO, variants

BUILD = REPO.parent / "build"


def main() -> int:
    arguments = _parser().parse_args()
    root = triton.installed(BUILD / "triton")
    reports = {name: variants.make(arguments.trimtab, name) for name in arguments.samples}
    core = _core()
    found = []
    for name, report in reports.items():
        published = [v["name"] for v in report["variants"] if v["published"]]
        found += rows.rows(name, report, serve.climbs(name, published, root, core))
    print(rows.table(found))  # noqa: T201 - the result is the output
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.variants", description=__doc__)
    parser.add_argument("--samples", type=_samples, default=list(ASKED), help="some, by commas")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument(
        "--trimtab",
        type=Path,
        default=BUILD / "venv-compress" / "bin" / "trimtab",
        help="the program, where torch is installed",
    )
    return parser


def _samples(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in ASKED]
    if unknown:
        raise argparse.ArgumentTypeError(f"no sample {unknown[0]}: there are {', '.join(ASKED)}")
    return names


def _core() -> int:
    """The first core is for Triton, and this process keeps away from it where there are others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[1:])
    return cores[0]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (triton.TritonError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
