"""`make fuzz`: many cases of every target, on every core, within a time."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import zip_longest

from tests.fuzz.target import Target
from tests.fuzz.targets import BY_NAME, TARGETS
from tests.fuzz.worker import Batch, check, prepare

_TOLD_EVERY_S = 10.0
_LEFT_S = 30.0  # of the time, for what is in flight


@dataclass
class Tally:
    """What was run, by target."""

    counted: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[Batch, str]] = field(default_factory=list)

    @property
    def valid(self) -> int:
        """Cases that hypothesis counts as valid, of all targets."""
        return sum(counted["valid"] for counted in self.counted.values())

    def note(self, batch: Batch, outcome: Counter[str] | str) -> None:
        """Adds one batch."""
        if isinstance(outcome, str):
            self.failures.append((batch, outcome))
        else:
            self.counted.setdefault(batch.target, Counter()).update(outcome)

    def failed(self, target: str) -> bool:
        """Whether a case of that target failed: its other cases would fail of the same."""
        return any(batch.target == target for batch, _ in self.failures)


def main(args: Sequence[str] | None = None) -> int:
    """Runs, prints and returns the exit code: 1 where a case fails, or time was too short."""
    options = _options(args)
    chosen = [BY_NAME[name] for name in options.target] or list(TARGETS)
    started = time.monotonic()
    print(f"seed {options.seed}, {options.cases} cases, {len(chosen)} targets", flush=True)
    until = started + 60.0 * options.minutes - _LEFT_S
    tally = _run(_batches(chosen, options.cases, options.seed), options.jobs, until)
    _report(tally, time.monotonic() - started)
    if tally.failures:
        return 1
    if tally.valid < options.cases:
        print(f"Too short: {options.cases} were asked for. Give MINUTES, or fewer CASES.")
        return 1
    return 0


def _options(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all draws")
    parser.add_argument("--minutes", type=float, default=60.0, help="the longest it may take")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument(
        "--target", action="append", default=[], choices=sorted(BY_NAME), help="only this one"
    )
    return parser.parse_args(args)


def _batches(chosen: Sequence[Target], cases: int, seed: int) -> Iterator[Batch]:
    """Every target's cases, in turns, so that a run that is cut short has something of each."""
    whole = sum(target.share for target in chosen)
    rows = []
    for target in chosen:
        own = -(-cases * target.share // whole)
        sizes = [min(target.batch, own - at) for at in range(0, own, target.batch)]
        rows.append([Batch(target.name, size, seed + i) for i, size in enumerate(sizes)])
    for turn in zip_longest(*rows):
        yield from (batch for batch in turn if batch is not None)


def _run(batches: Iterator[Batch], jobs: int, until_s: float) -> Tally:
    tally, running, told_s = Tally(), dict[Future[Counter[str] | str], Batch](), time.monotonic()
    # A worker is replaced after some batches: hypothesis and the caches of the code keep things.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, prepare, max_tasks_per_child=20) as pool:
        while True:
            while len(running) < jobs and time.monotonic() < until_s:
                batch = next((b for b in batches if not tally.failed(b.target)), None)
                if batch is None:
                    break
                running[pool.submit(check, batch)] = batch
            if not running:
                return tally
            for done in wait(running, timeout=1.0, return_when=FIRST_COMPLETED).done:
                tally.note(running.pop(done), done.result())
            if time.monotonic() - told_s >= _TOLD_EVERY_S:
                told_s = time.monotonic()
                now = ", ".join(sorted({batch.target for batch in running.values()}))
                print(f"{tally.valid:7d} cases; {now}", flush=True)


def _report(tally: Tally, spent_s: float) -> None:
    print(f"\n{'target':18}{'cases':>8}{'not valid':>12}")
    for name, counted in sorted(tally.counted.items()):
        print(f"{name:18}{counted['valid']:8d}{counted.total() - counted['valid']:12d}")
    print(f"{'together':18}{tally.valid:8d}{'':12}  {spent_s / 60:.1f} minutes")
    for batch, story in tally.failures:
        print(f"\n{batch.target} fails:\n\n{story}\nAgain: {batch.again()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
