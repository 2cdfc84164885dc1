"""The operator as `trimtab run` starts it, with what each tick took written to a file.

    python -m bench.scale.operator --config FILE --port 18080 --ticks FILE [--profile FILE]

Its own histogram has a dozen buckets, too few for a percentile. SIGUSR1 starts a profile, and the
next one writes it.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import signal
import time
from pathlib import Path
from typing import Any, TextIO

import trimtab.control.run as operator
from trimtab.control.metrics import Metrics


class Told(Metrics):
    """Metrics that also write every tick down."""

    ticks: TextIO

    def __init__(self) -> None:
        super().__init__()
        histogram, observe = self.tick_seconds, self.tick_seconds.observe

        def note(amount: float, exemplar: dict[str, str] | None = None) -> None:
            observe(amount, exemplar)
            decided_s = self.last_tick._value.get()
            line = {
                "at_s": time.time(),
                "seconds": amount,
                "cpu_s": time.process_time(),
                "decided_s": decided_s,
            }
            self.ticks.write(json.dumps(line) + "\n")
            self.ticks.flush()

        histogram.observe = note  # type: ignore[method-assign]


def _profile_on_signal(file: Path) -> None:
    profile = cProfile.Profile()
    running = False

    def turn(*_: Any) -> None:
        nonlocal running
        if running:
            profile.disable()
            profile.dump_stats(file)
        else:
            profile.enable()
        running = not running

    signal.signal(signal.SIGUSR1, turn)


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.operator")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ticks", type=Path, required=True)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    if asked.profile:
        _profile_on_signal(asked.profile)
    with asked.ticks.open("a") as Told.ticks:
        operator.Metrics = Told  # type: ignore[attr-defined]
        operator.run(asked.config, asked.port)


if __name__ == "__main__":
    main()
