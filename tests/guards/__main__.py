"""Takes each guard out, one after the other, and shows that its test fails then.

    python -m tests.guards [NAME ...]     # those that need no cluster, or the ones that are named
    python -m tests.guards --on-cluster   # those that need the embedded cluster: half an hour

Every guard is taken out of a copy of what git tracks. The tests are those of the copy too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.guards.guard import OPERATOR, Guard, edited, whole_files
from tests.guards.on_cluster import ON_CLUSTER
from tests.guards.pods_and_api import PODS_AND_API
from tests.guards.readings import READINGS

ROOT = Path(__file__).parents[2]
QUICK = (*READINGS, *PODS_AND_API)
_SOME_FAILED = 1  # pytest's status where all could be run
_SHOWN = 300


class Outcome(NamedTuple):
    """What tests came to; where they could not be run they neither passed nor failed. `said`: the
    first failure, or pytest's last line."""

    passed: bool
    failed: bool
    said: str
    seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """0 where every test passes with its guard and fails without it."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--on-cluster", action="store_true")
    args = parser.parse_args(argv)
    known = {g.name: g for g in (*QUICK, *ON_CLUSTER)}
    unknown = [n for n in args.names if n not in known]
    if unknown:
        parser.error(f"no such guard: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[n] for n in args.names] or (ON_CLUSTER if args.on_cluster else QUICK)
    with tempfile.TemporaryDirectory(prefix="guards-") as place:
        return 0 if shown(chosen, Path(place)) else 1


def shown(guards: Sequence[Guard], copy: Path) -> bool:
    """Whether each is shown; tells of each as it is known."""
    _copy(copy)
    # Those of the cluster are what `make e2e-faults` runs.
    quick = dict.fromkeys(g.proof for g in guards if g not in ON_CLUSTER)
    if quick:
        whole = outcome(quick, copy)
        print(f"with every guard: {whole.said}", flush=True)
        if not whole.passed:
            return False
    every = True
    for number, guard in enumerate(guards, 1):
        with taken_out(guard, copy):
            without = outcome([guard.proof], copy)
        every &= without.failed
        verdict = "fails" if without.failed else "STILL PASSES"
        print(f"{number}/{len(guards)} without {guard.name} ({guard.fault}): {verdict}", flush=True)
        print(f"    {without.said} ({without.seconds:.0f} s)", flush=True)
    return every


@contextmanager
def taken_out(guard: Guard, copy: Path) -> Iterator[None]:
    """Inside, the copy is without the guard."""
    whole = whole_files(guard, copy)
    try:
        for file, text in edited(guard, whole).items():
            (copy / OPERATOR / file).write_text(text)
        yield
    finally:
        for file, text in whole.items():
            (copy / OPERATOR / file).write_text(text)


def outcome(proofs: Iterable[str], copy: Path) -> Outcome:
    """Runs the tests of the copy against the operator of the copy."""
    paths = f"{copy / OPERATOR.parent}{os.pathsep}{copy}"
    # In the columns of a terminal pytest cuts off what failed.
    more = {"PYTHONPATH": paths, "TRIMTAB_E2E_FAULTS": "1", "COLUMNS": f"{_SHOWN}"}
    env = {**os.environ, **more}
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    started = time.monotonic()
    ran = subprocess.run(
        [*command, *proofs], cwd=copy, env=env, capture_output=True, text=True, check=False
    )
    # What fails in its preparation is an ERROR, and shows nothing.
    first = next((line for line in ran.stdout.splitlines() if line.startswith("FAILED ")), None)
    last = (ran.stdout.strip() or ran.stderr.strip()).rpartition("\n")[2]
    failed = ran.returncode == _SOME_FAILED and first is not None
    said = (first or "")[:_SHOWN] or last
    return Outcome(ran.returncode == 0, failed, said, time.monotonic() - started)


def _copy(copy: Path) -> None:
    """What git tracks, as it is in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


if __name__ == "__main__":
    sys.exit(main())
