"""python -m e2e.demo [--out FILE]: the whole story, told as it happens."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import yaml

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo import scene
from e2e.demo.account import Account, say, tell_figures
from e2e.demo.plot import draw
from e2e.demo.result import Figures, Phases, figures
from e2e.kit.access import ROOT, Access, CommandFailed, reach
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.saturation import SaturationError, easy_load, most_of_one_replica, step_beyond
from e2e.kit.served import Stage
from e2e.load.generator import Report
from e2e.load.process import LoadError
from trimtab.api.quantities import parse_duration

PHASES = Phases(up_s=30.0, down_s=140.0, end_s=265.0)
SEED = 7


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.demo", description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures as JSON to this file")
    parser.add_argument("--plot", type=Path, default=ROOT / "out" / "demo.png")
    parser.add_argument("--keep", action="store_true", help="leave the model running afterwards")
    arguments = parser.parse_args()
    try:
        result = _play(reach(), arguments.plot, keep=arguments.keep)
    except (ClusterError, CommandFailed, LoadError, SaturationError, TimeoutError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    if arguments.out:
        arguments.out.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
        say(f"figures: {arguments.out}")
    return 0


def _play(access: Access, plot: Path, *, keep: bool) -> Figures:
    images = Images.of(access)
    prometheus_url = install_prometheus(access, images)
    with step("installing trimtab with its Helm chart"):
        install_trimtab(access, images, prometheus_url)
    with step("measuring what one replica answers at most"):
        most = most_of_one_replica(access, images)
    low, high = easy_load(most), step_beyond(most)
    say(
        f"one replica answers at most {most:.0f} requests/s;"
        f" the load will step from {low} to {high}"
    )
    manifest = scene.manifest(images)
    with step("kubectl apply: an AcceleratorClass and a ModelDeployment"):
        stage = scene.demo_stage(access, images)
        stage.open()
        access.apply(manifest)
    with step("waiting for the first Triton pod"):
        stage.await_condition("Ready", "True", seconds=180)
    try:
        return _load_and_tell(stage, manifest, (low, high, low), plot)
    finally:
        if not keep:
            with step("removing the model"):
                stage.close()


def _load_and_tell(stage: Stage, manifest: str, rates: tuple[int, int, int], plot: Path) -> Figures:
    model = list(yaml.safe_load_all(manifest))[1]["spec"]
    target_ms = 1000 * parse_duration(model["slo"]["latency"]["target"])
    budget = Decimal(model["budget"]["perHour"])
    lengths = (PHASES.up_s, PHASES.down_s - PHASES.up_s, PHASES.end_s - PHASES.down_s)
    schedule = ",".join(f"{s:g}s@{r}" for s, r in zip(lengths, rates, strict=True))
    url = stage.way_in()
    say(f"open-loop Poisson load on {url}: {schedule}")
    with stage.record() as recorder, stage.load(url, schedule, seed=SEED) as load:
        account = Account(target_ms, budget)
        while load.running:
            time.sleep(1.0)
            account.tell(load.new_seconds(), recorder.last)
        report: Report = load.report()
        moments = list(recorder.moments)
    say(stage.kubectl("get", "md").rstrip())
    known = (report.results, moments, report.started_at_s, PHASES, target_ms, budget)
    plot.parent.mkdir(parents=True, exist_ok=True)
    draw(plot, *known)
    result = figures(*known)
    tell_figures(result)
    say(f"plot: {plot}")
    return result


if __name__ == "__main__":
    sys.exit(main())
