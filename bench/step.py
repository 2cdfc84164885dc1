"""True service times that change in mid-run: is the promise kept, and how soon again?

    python -m bench.step --traces DIR [--factors 0.8,1.2] [--stretch twitter@6h+1h] [--start-up 15]
        [--out step.svg] [--json]

Half way through the run each execution takes FACTOR times what it took, and nobody is told. `back
after`: minutes from the step to the first of three minutes in a row that kept the promise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.cache import kept, sources
from bench.cases import MANIFESTS, Stretch, recording_file, set_up, trace_folder
from bench.step_plot import draw
from trimtab.simulate.policies import make
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.truth import ServiceTruth, Truth

_MANIFEST = MANIFESTS / "one.yaml"
_MEAN_REPLICAS = 5.0
_SETTLED_MINUTES = 3
_COLUMNS = ("factor", "in SLO before", "in SLO after", "back after", "worst minute after", "cost $")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table, or one JSON document; draws the minutes' p99 where a file is named."""
    parser = argparse.ArgumentParser(prog="python -m bench.step", description=__doc__)
    add = parser.add_argument
    add("--traces", type=Path, help="folder of the recordings (default: $TRIMTAB_TRACES)")
    add("--factors", type=lambda t: [float(x) for x in t.split(",")], default=[1.0, 0.8, 1.2])
    add("--stretch", type=Stretch.parse, default=Stretch.parse("twitter@6h+1h"))
    add("--start-up", type=float, default=15.0, help="seconds")
    add("--out", type=Path, help="a picture: .svg or .png")
    add("--json", action="store_true")
    options = parser.parse_args(arguments)
    folder = trace_folder(options.traces)
    results = [_played(f, options.stretch, options.start_up, folder) for f in options.factors]
    if options.out:
        draw(options.out, results, options.stretch.duration_s / 120)
    sys.stdout.write((json.dumps(results) if options.json else _table(results)) + "\n")
    return 0


def stepped(truth: Truth, at_s: float, factor: float) -> Truth:
    """The truth whose executions take `factor` times as long from `at_s` seconds on."""
    return Truth(
        {
            key: (*steps, (at_s, _slower(truth.at(*key, at_s), factor)))
            for key, steps in truth.steps.items()
        }
    )


def back_after(minutes: Sequence[dict[str, Any]], share: float) -> int | None:
    """Minutes until three in a row keep the promise; None where they never do."""
    kept_it = [_within([m]) >= share for m in minutes]
    starts = range(len(kept_it) - _SETTLED_MINUTES + 1)
    return next((i for i in starts if all(kept_it[i : i + _SETTLED_MINUTES])), None)


def _slower(true: ServiceTruth, factor: float) -> ServiceTruth:
    return ServiceTruth(true.curve.scaled(factor), true.distribution, true.front_end_s)


def _played(factor: float, stretch: Stretch, start_up_s: float, folder: Path) -> dict[str, Any]:
    sys.stderr.write(f"step of service times by {factor:g}, start-up {start_up_s:g} s\n")
    here = Path(__file__).parent
    recording = recording_file(folder, stretch)
    files = [*sources(decision=True), _MANIFEST, here / "cases.py", here / "step.py", recording]
    inputs = ["step", factor, str(stretch), start_up_s]
    row: dict[str, Any] = kept(inputs, files, lambda: _play(factor, stretch, start_up_s, folder))
    return row


def _play(factor: float, stretch: Stretch, start_up_s: float, folder: Path) -> dict[str, Any]:
    setup = set_up(_MANIFEST, folder, stretch, _MEAN_REPLICAS, wrong_seeds=False)
    truth = stepped(setup.truth, stretch.duration_s / 2, factor)
    settings = RunSettings(policy="trimtab", start_up_s=start_up_s)
    rule = make("trimtab", setup.fleet, setup.traces, settings, setup.truth)
    model = run(setup.fleet, setup.traces, rule, settings, truth).models[0]
    return {
        "factor": factor,
        "target_s": model.spec.slo.target_s,
        "share": model.spec.slo.percentile / 100,
        "cost": model.cost,
        "minutes": [
            {"requests": m.requests, "within": m.within, "p99_s": m.p99_s, "replicas": m.replicas}
            for m in model.minutes
        ],
    }


def _table(results: Sequence[dict[str, Any]]) -> str:
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for row in results:
        minutes = row["minutes"]
        before, after = minutes[: len(minutes) // 2], minutes[len(minutes) // 2 :]
        back = back_after(after, row["share"])
        lines.append(
            f"| {row['factor']:g} | {_within(before):.2%} | {_within(after):.2%} |"
            f" {'never' if back is None else f'{back} min'} |"
            f" {min(map(_within, ([m] for m in after))):.2%} | {row['cost']:.2f} |"
        )
    return "\n".join(lines)


def _within(minutes: Sequence[dict[str, Any]]) -> float:
    requests = sum(m["requests"] for m in minutes)
    return sum(m["within"] for m in minutes) / requests if requests else 1.0


if __name__ == "__main__":
    sys.exit(main())
