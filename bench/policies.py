"""Every scaling rule on recorded load: attainment, cost, accuracy and changes, as one table.

python -m bench.policies --traces DIR [--fleet one|five|eight|five-gateway|five-accuracy]
    [--policies a,b] [--start-up 15,45] [--stretches twitter@6h+1h,azure@0h+1h] [--mean 5]
    [--seeds right,wrong]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cache import kept, sources
from bench.cases import MANIFESTS, Stretch, recording_file, set_up, trace_folder
from trimtab.simulate.policies import NAMES, make
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings

_FLEETS = ("one", "five", "eight")
_BEHIND_A_GATEWAY = ("five-gateway", "five-accuracy")
_COLUMNS = (
    "policy",
    "in SLO, worst model",
    "cost $",
    "of oracle",
    "accuracy",
    "scale events",
    "switches",
    "over budget s",
)
_STRETCHES = "twitter@6h+1h,twitter@114h+2h,twitter@48h+1h,azure@0h+1h"


@dataclass(frozen=True, slots=True)
class Case:
    """What is played; every field tells one run from another."""

    fleet: str
    stretch: Stretch
    mean_replicas: float
    start_up_s: float
    wrong_seeds: bool

    def __str__(self) -> str:
        seeds = "seeds 30 % wrong" if self.wrong_seeds else "seeds right"
        return (
            f"fleet {self.fleet}, {self.stretch}, mean load of {self.mean_replicas:g} replicas,"
            f" start-up {self.start_up_s:g} s, {seeds}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table for each case, or one JSON document."""
    options = _options(arguments)
    folder = trace_folder(options.traces)
    cases = [
        Case(*each)
        for each in itertools.product(
            options.fleet, options.stretches, options.mean, options.start_up, options.seeds
        )
    ]
    results = []
    for case in cases:
        rows = [_played(case, policy, folder, options.seed) for policy in options.policies]
        results.append({"case": str(case), "rows": rows})
        if not options.json:
            sys.stdout.write(_table(str(case), rows) + "\n")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(results) + "\n")
    return 0


def _played(case: Case, policy: str, folder: Path, seed: int) -> dict[str, Any]:
    sys.stderr.write(f"{case}: {policy}\n")
    manifest = MANIFESTS / f"{case.fleet}.yaml"
    files = [
        *sources(decision=policy == "trimtab"),
        manifest,
        Path(__file__).parent / "cases.py",
        recording_file(folder, case.stretch),
    ]
    inputs = ["policies", str(case), policy, seed]
    row: dict[str, Any] = kept(inputs, files, lambda: _play(case, policy, folder, manifest, seed))
    return row


def _play(case: Case, policy: str, folder: Path, manifest: Path, seed: int) -> dict[str, Any]:
    setup = set_up(manifest, folder, case.stretch, case.mean_replicas, wrong_seeds=case.wrong_seeds)
    settings = RunSettings(policy=policy, start_up_s=case.start_up_s, seed=seed)
    rule = make(policy, setup.fleet, setup.traces, settings, setup.truth)
    report = run(setup.fleet, setup.traces, rule, settings, setup.truth)
    return {
        "policy": policy,
        "attainment": min(m.slo_attainment for m in report.models),
        "cost": sum(m.cost for m in report.models),
        "accuracy": report.accuracy_mean,
        "scale_events": sum(m.scale_events for m in report.models),
        "switches": sum(m.variant_switches for m in report.models),
        "over_budget_s": report.budget_violation_seconds,
        "models": {
            m.name: {"attainment": m.slo_attainment, "cost": m.cost, "accuracy": m.accuracy_mean}
            for m in report.models
        },
    }


def _table(title: str, rows: Sequence[dict[str, Any]]) -> str:
    base = next((r["cost"] for r in rows if r["policy"] == "oracle"), None)
    lines = [
        f"### {title}\n",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for row in rows:
        share = f"{row['cost'] / base:.2f}" if base else "-"
        accuracy = "-" if row["accuracy"] is None else f"{row['accuracy']:.4f}"
        lines.append(
            f"| {row['policy']} | {row['attainment']:.2%} | {row['cost']:.2f} | {share} |"
            f" {accuracy} | {row['scale_events']} | {row['switches']} |"
            f" {row['over_budget_s']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.policies", description=__doc__)
    add = parser.add_argument
    add("--traces", type=Path, help="folder of the recordings (default: $TRIMTAB_TRACES)")
    add("--fleet", type=_among((*_FLEETS, *_BEHIND_A_GATEWAY)), default=list(_FLEETS))
    add("--policies", type=_among(NAMES), default=list(NAMES))
    add("--stretches", type=_stretches, default=_stretches(_STRETCHES))
    add("--mean", type=_numbers, default=[5.0], help="mean load in replicas of the cheapest way")
    add("--start-up", type=_numbers, default=[15.0, 45.0], help="seconds")
    add("--seeds", type=_seeds, default=[False], help="right, wrong, or both")
    add("--seed", type=int, default=1)
    add("--json", action="store_true")
    return parser.parse_args(arguments)


def _among(known: Sequence[str]) -> Any:
    def names(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return text.split(",")

    return names


def _stretches(text: str) -> list[Stretch]:
    try:
        return [Stretch.parse(each) for each in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def _seeds(text: str) -> list[bool]:
    return [name == "wrong" for name in _among(("right", "wrong"))(text)]


if __name__ == "__main__":
    sys.exit(main())
