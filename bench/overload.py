"""More than a real Triton can answer: late requests last against first come, first served.

`python -m bench.overload [--out FILE]`, on the cluster of KUBECONFIG or the embedded one. One
replica of the digits model on a whole core, in Manual mode, with a target of so many executions of
a full batch. Open-loop Poisson arrivals at shares of its measured capacity for twenty seconds, then
at a third of it for ten; once with each order. The same arrivals go through the simulator. Told is
the share that was answered within the target, of each part. Under ten minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.calibrate import alone
from bench.calibration.cases import CASES
from bench.calibration.compare import Profile
from bench.calibration.measure import Served, measure_capacity, measure_profile
from bench.calibration.schedule import write_times
from bench.calibration.shares import Shares, in_time, simulated
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.kit.access import CommandFailed
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.reach import reach
from e2e.kit.served import Stage
from e2e.load.arrivals import Schedule, Segment
from e2e.load.process import LoadError

ORDERS = ("InTurn", "Last")
LOADS = (0.8, 1.0, 1.25, 1.5, 2.0)
FULL_BATCHES = 3.0  # the target, in executions of a full batch
FLOOD_S, AFTER_S, AFTER_SHARE = 20.0, 10.0, 0.33


@dataclass(frozen=True, slots=True)
class Row:
    """One load in one order; shares of 1 that were in time."""

    order: str
    load: float
    requests: int
    failed: int
    measured: Shares
    simulated: Shares


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/overload.md"))
    arguments = parser.parse_args()
    rows: list[Row] = []
    try:
        access = reach()
        images = Images.of(access)
        install_trimtab(access, images, install_prometheus(access, images))
        case = CASES["digits-int8"]
        with Stage(access, images) as stage:
            served = Served(stage, case)
            with step(f"{case.name}: executions by batch size, and capacity"):
                served.start()
                with alone(access):
                    times = measure_profile(served)
                    profile = Profile.of(case, times, measure_capacity(served, times))
        target_s = FULL_BATCHES * profile.model(front_end=True).curve.seconds(case.max_batch)
        for order in ORDERS:
            with Stage(access, images) as stage:
                served = Served(stage, case, f"{1e6 * target_s:.0f}us", order)
                with step(f"{case.name}: one replica, {order}"):
                    served.start()
                with alone(access):
                    rows += [_played(served, profile, target_s, order, load) for load in LOADS]
    except (ClusterError, CommandFailed, LoadError, TimeoutError) as error:
        sys.stderr.write(f"The bench stopped: {error}\n")
        return 1
    finally:
        if rows:
            _write(arguments.out, rows, target_s)
    return 0


def _played(served: Served, profile: Profile, target_s: float, order: str, load: float) -> Row:
    capacity, cap = profile.capacity_rate, served.batch_cap()
    parts = (Segment(FLOOD_S, load * capacity), Segment(AFTER_S, AFTER_SHARE * capacity))
    arrivals = Schedule(parts).arrivals(round(100 * load))
    with tempfile.TemporaryDirectory(prefix="trimtab-overload-") as folder:
        path = Path(folder) / "arrivals.csv"
        write_times(path, arrivals)
        with step(f"{served.case.name}, {order}: {load:.0%} of capacity"):
            results = served.send(1, "--trace", str(path)).results
    return Row(
        order,
        load,
        len(results),
        sum(bool(r.error) for r in results),
        in_time(results, target_s, FLOOD_S),
        simulated(profile, arrivals, target_s, FLOOD_S, cap, late_last=order == "Last"),
    )


def _write(out: Path, rows: Sequence[Row], target_s: float) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    text = as_markdown(rows, target_s)
    out.write_text(text)
    out.with_suffix(".json").write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    sys.stdout.write(text)


def as_markdown(rows: Sequence[Row], target_s: float) -> str:
    """One row a load, both orders beside each other."""
    found: Mapping[tuple[str, float], Row] = {(r.order, r.load): r for r in rows}
    cells = [f"{order}, {part}" for order in ORDERS for part in ("overload", "after it")]
    lines = [
        f"Answered within {1000 * target_s:.0f} ms, of a real Triton (and simulated):\n",
        f"| load | {' | '.join(cells)} | failed |",
        "|---" * (len(cells) + 2) + "|",
    ]
    for load in LOADS:
        both = [found[order, load] for order in ORDERS if (order, load) in found]
        shares = [
            f"{getattr(r.measured, part):.1%} ({getattr(r.simulated, part):.1%})"
            for r in both
            for part in ("flood", "after")
        ]
        lines.append(f"| {load:.0%} | {' | '.join(shares)} | {sum(r.failed for r in both)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
