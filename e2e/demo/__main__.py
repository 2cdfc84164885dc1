"""python -m e2e.demo [--out FILE]: the whole story, told as it happens."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import yaml

from e2e.cluster.progress import step
from e2e.demo import play, scene
from e2e.demo.account import say, tell_figures
from e2e.demo.plot import draw
from e2e.demo.result import Figures, Phases, figures
from e2e.kit.access import Access
from e2e.kit.reach import reach
from e2e.kit.saturation import easy_load, most_of_one_replica, step_beyond
from e2e.kit.served import Stage
from trimtab.api.quantities import parse_duration

PHASES = Phases(up_s=30.0, down_s=140.0, end_s=265.0)
SEED = 7


def main() -> int:
    parser = play.parser("python -m e2e.demo", __doc__, "demo.png")
    parser.add_argument("--keep", action="store_true", help="leave the model running afterwards")
    arguments = parser.parse_args()
    return play.run(lambda: _play(reach(), arguments.plot, keep=arguments.keep), arguments.out)


def _play(access: Access, plot: Path, *, keep: bool) -> Figures:
    images = play.installed(access)
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
    report, moments = play.told(stage, stage.way_in(), schedule, SEED, target_ms, budget)
    known = (report.results, moments, report.started_at_s, PHASES, target_ms, budget)
    plot.parent.mkdir(parents=True, exist_ok=True)
    draw(plot, *known)
    result = figures(*known)
    tell_figures(result)
    say(f"plot: {plot}")
    return result


if __name__ == "__main__":
    sys.exit(main())
