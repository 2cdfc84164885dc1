"""What all demos do alike: their command line, what they install, and a load that is told live."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo.account import Account, say
from e2e.kit.access import ROOT, Access, CommandFailed
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.recorder import Moment
from e2e.kit.saturation import SaturationError
from e2e.kit.served import Stage
from e2e.load.generator import Report
from e2e.load.process import LoadError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def parser(program: str, description: str | None, plot: str) -> argparse.ArgumentParser:
    """The options of every demo; `plot`: the picture's name below out/."""
    made = argparse.ArgumentParser(prog=program, description=description)
    made.add_argument("--out", type=Path, help="write the figures as JSON to this file")
    made.add_argument("--plot", type=Path, default=ROOT / "out" / plot)
    return made


def run(play: Callable[[], DataclassInstance], out: Path | None) -> int:
    """Plays, and writes the figures; the exit status."""
    try:
        result = play()
    except (ClusterError, CommandFailed, LoadError, SaturationError, TimeoutError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    if out:
        out.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
        say(f"figures: {out}")
    return 0


def installed(access: Access, *values: str) -> Images:
    """Prometheus and trimtab, there; `values`: more of Helm's arguments."""
    images = Images.of(access)
    prometheus_url = install_prometheus(access, images)
    with step("installing trimtab with its Helm chart"):
        install_trimtab(access, images, prometheus_url, *values)
    return images


def told(
    stage: Stage, url: str, schedule: str, seed: int, target_ms: float, budget: Decimal
) -> tuple[Report, list[Moment]]:
    """Sends the load and tells of it as it happens; what became of it, and of the cluster."""
    say(f"open-loop Poisson load on {url}: {schedule}")
    with stage.record() as recorder, stage.load(url, schedule, seed=seed) as load:
        account = Account(target_ms, budget)
        while load.running:
            time.sleep(1.0)
            account.tell(load.new_seconds(), recorder.last)
        report: Report = load.report()
        moments = list(recorder.moments)
    say(stage.kubectl("get", "md").rstrip())
    return report, moments
