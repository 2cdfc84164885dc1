"""python -m e2e.demo.variants [--out FILE] [--service]: a load too high for the accurate variant.

Behind the embedded cluster's Gateway; on a cluster of others behind a Service.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from e2e.cluster.progress import step
from e2e.demo import play, scene
from e2e.demo.account import say
from e2e.demo.rising import RisingFigures, rising_figures, schedule
from e2e.demo.rising_plot import draw_rising
from e2e.kit.access import Access
from e2e.kit.gateway import gateway_down, gateway_up
from e2e.kit.profiled import Profiled, profiled
from e2e.kit.reach import reach
from e2e.kit.served import Stage
from trimtab.api.quantities import parse_duration

ACCURATE, FAST = "fp32", "int8"
SEED = 11


def main() -> int:
    parser = play.parser("python -m e2e.demo.variants", __doc__, "demo-variants.png")
    parser.add_argument("--service", action="store_true", help="behind a Service, on any cluster")
    arguments = parser.parse_args()
    return play.run(
        lambda: _play(reach(), arguments.plot, behind_service=arguments.service), arguments.out
    )


def _play(access: Access, plot: Path, *, behind_service: bool) -> RisingFigures:
    images = play.installed(access)
    behind_service = behind_service or access.embedded is None
    gateway = None if behind_service else gateway_up(access)
    with Stage(access, images) as alone:
        found = {variant: _profile(alone, variant) for variant in (ACCURATE, FAST)}
    stage = scene.demo_stage(access, images)
    stage.open()
    with step("kubectl apply: a ModelDeployment that maximises its accuracy"):
        routing: dict[str, Any] = {} if gateway is None else {"routing": gateway.routing}
        model = stage.digits(objective="MaximizeAccuracy", **routing)
        for variant in model["spec"]["variants"]:
            variant["profile"] = found[variant["name"]].block
        stage.put(model)
    try:
        with step("waiting for the first Triton pod"):
            stage.await_condition("Ready", "True", seconds=180)
        url = stage.way_in() if gateway is None else gateway.url
        return _load_and_tell(stage, url, model["spec"], schedule(found[FAST].most), plot)
    finally:
        with step("removing the model"):
            stage.close()
        if gateway is not None:
            gateway_down(access)


def _profile(stage: Stage, variant: str) -> Profiled:
    with step(f"trimtab profile: one replica of {variant}"):
        return profiled(stage, variant)


def _load_and_tell(
    stage: Stage, url: str, spec: dict[str, Any], load_schedule: str, plot: Path
) -> RisingFigures:
    target_ms = 1000 * parse_duration(spec["slo"]["latency"]["target"])
    budget = Decimal(spec["budget"]["perHour"])
    report, moments = play.told(stage, url, load_schedule, SEED, target_ms, budget)
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
