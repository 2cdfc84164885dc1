"""python -m e2e.demo.variants [--out FILE]: a load that the accurate variant is too dear for."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo import scene
from e2e.demo.account import Account, say
from e2e.demo.rising import RisingFigures, rising_figures, schedule
from e2e.demo.rising_plot import draw_rising
from e2e.kit.access import ROOT, Access, CommandFailed, reach
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.saturation import SaturationError, most_of_one_replica
from e2e.kit.served import Stage
from e2e.load.process import LoadError
from trimtab.api.quantities import parse_duration

ACCURATE, FAST = "fp32", "int8"
SEED = 11


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.demo.variants", description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures as JSON to this file")
    parser.add_argument("--plot", type=Path, default=ROOT / "out" / "demo-variants.png")
    arguments = parser.parse_args()
    try:
        result = _play(reach(), arguments.plot)
    except (ClusterError, CommandFailed, LoadError, SaturationError, TimeoutError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    if arguments.out:
        arguments.out.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
        say(f"figures: {arguments.out}")
    return 0


def _play(access: Access, plot: Path) -> RisingFigures:
    images = Images.of(access)
    prometheus_url = install_prometheus(access, images)
    with step("installing trimtab with its Helm chart"):
        install_trimtab(access, images, prometheus_url)
    with step(f"measuring what one replica of {FAST} answers at most"):
        most = most_of_one_replica(access, images)
    stage = scene.demo_stage(access, images)
    stage.open()
    with step("kubectl apply: a ModelDeployment that maximises its accuracy"):
        model = stage.digits(objective="MaximizeAccuracy")
        stage.put(model)
    try:
        with step("waiting for the first Triton pod"):
            stage.await_condition("Ready", "True", seconds=180)
        return _load_and_tell(stage, model["spec"], schedule(most), plot)
    finally:
        with step("removing the model"):
            stage.close()


def _load_and_tell(
    stage: Stage, spec: dict[str, Any], load_schedule: str, plot: Path
) -> RisingFigures:
    target_ms = 1000 * parse_duration(spec["slo"]["latency"]["target"])
    budget = Decimal(spec["budget"]["perHour"])
    url = stage.way_in()
    say(f"open-loop Poisson load on {url}: {load_schedule}")
    with stage.record() as recorder, stage.load(url, load_schedule, seed=SEED) as load:
        account = Account(target_ms, budget)
        while load.running:
            time.sleep(1.0)
            account.tell(load.new_seconds(), recorder.last)
        report = load.report()
        moments = list(recorder.moments)
    say(stage.kubectl("get", "md").rstrip())
    plot.parent.mkdir(parents=True, exist_ok=True)
    draw_rising(
        plot,
        report.results,
        moments,
        report.started_at_s,
        variants=(ACCURATE, FAST),
        target_ms=target_ms,
        budget=budget,
    )
    result = rising_figures(
        report.results,
        moments,
        fast=FAST,
        accurate=ACCURATE,
        target_ms=target_ms,
        floor=float(spec["slo"]["minAccuracy"]),
        budget=budget,
    )
    _tell(result)
    say(f"plot: {plot}")
    return result


def _tell(f: RisingFigures) -> None:
    accuracy = "-" if f.accuracy is None else f"{f.accuracy:.4f}"
    say("")
    say(f"  requests       {f.requests}, failed {f.failed}")
    say(f"  in time        {f.in_time:.2%} within {f.target_ms:g} ms")
    say(f"  variants       {' -> '.join(f.variants)}")
    say(f"  accuracy       {accuracy} served; floor {f.accuracy_floor:g}")
    say(f"  cost           at most ${f.cost_per_hour_peak:.2f}/h of ${f.budget_per_hour:.2f}/h")
    say("")


if __name__ == "__main__":
    sys.exit(main())
