"""The latency model and the simulator against a real Triton: p50 and p99 over 10 to 90 % of load.

`python -m bench.calibrate [--models digits-int8,digits-fp32] [--trace FILE] [--out FILE]`, on
the cluster of KUBECONFIG or the embedded one. For each model one replica in Manual mode: its
executions are timed by batch size, its capacity is measured with more load than it can take, and
then open-loop Poisson arrivals, and a stretch of a trace, are sent at shares of that capacity. The
same arrival times go through the simulator. Two predictions are told: from the executions' times
alone, and with the front end's time for a request, which the measured capacity gives. Under 15
minutes for two models. Writes FILE (markdown) and FILE with .json in place of its ending.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.calibration.cases import CASES
from bench.calibration.compare import Compared, Profile, compare
from bench.calibration.measure import Served, measure_capacity, measure_profile, measure_run
from bench.calibration.schedule import poisson, write_times
from bench.calibration.schedule import stretch as stretch_of
from bench.calibration.table import as_markdown
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.kit.access import Access, CommandFailed
from e2e.kit.install import Images, install_prometheus, install_trimtab
from e2e.kit.reach import reach
from e2e.kit.served import Stage
from e2e.load.process import LoadError

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
TRACE_SHARE = 0.5
REQUESTS, LONGEST_S = 2000, 75.0


def main() -> int:
    arguments = _parser().parse_args()
    cases = [CASES[name] for name in arguments.models.split(",")]
    compared: list[Compared] = []
    try:
        access = reach()
        images = Images.of(access)
        install_trimtab(access, images, install_prometheus(access, images))
        for case in cases:
            with Stage(access, images) as stage:
                compared += _calibrate(Served(stage, case), arguments.seconds, arguments.trace)
    except (ClusterError, CommandFailed, LoadError, TimeoutError) as error:
        sys.stderr.write(f"The calibration stopped: {error}\n")
        return 1
    finally:
        if compared:
            _write(arguments.out, compared)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.calibrate", description=__doc__)
    parser.add_argument(
        "--models",
        default="digits-int8,digits-fp32",
        help=f"of {', '.join(CASES)}, with commas (default: %(default)s)",
    )
    parser.add_argument("--seconds", type=float, default=25.0, help="of one load, at least (25)")
    parser.add_argument("--trace", type=Path, help="CSV: second,requests or arrival_s; plain or gz")
    parser.add_argument("--out", type=Path, default=Path("out/calibration.md"))
    return parser


def _calibrate(served: Served, seconds: float, trace: Path | None) -> list[Compared]:
    case = served.case
    with step(f"{case.name}: one replica"):
        served.start()
    with alone(served.stage.access):
        return _measured(served, seconds, trace)


@contextmanager
def alone(access: Access) -> Iterator[None]:
    """Without the operator and Prometheus, whose seconds of work are the p99 of a small machine."""
    beside = (("trimtab-system", "trimtab"), ("monitoring", "prometheus"))
    scale = ("scale", "deployment", "--replicas")
    for namespace, name in beside:
        access.kubectl(*scale, "0", "-n", namespace, name)
    try:
        yield
    finally:
        for namespace, name in beside:
            access.kubectl(*scale, "1", "-n", namespace, name)


def _measured(served: Served, seconds: float, trace: Path | None) -> list[Compared]:
    case = served.case
    with step(f"{case.name}: executions by batch size"):
        times = measure_profile(served)
    with step(f"{case.name}: capacity"):
        capacity = measure_capacity(served, times)
    profile = Profile.of(case, times, capacity)
    found = []
    with tempfile.TemporaryDirectory(prefix="trimtab-calibrate-") as folder:
        path = Path(folder) / "arrivals.csv"
        for label, arrivals in _schedules(capacity, seconds, trace):
            write_times(path, arrivals)
            with step(f"{case.name}: {label}"):
                measured = measure_run(served, path)
            found.append(compare(profile, label, arrivals, path, measured))
    return found


def _schedules(
    capacity: float, seconds: float, trace: Path | None
) -> list[tuple[str, Sequence[float]]]:
    found: list[tuple[str, Sequence[float]]] = []
    for share in SHARES:
        rate = share * capacity
        arrivals = poisson(rate, _long_enough_s(rate, seconds), seed=round(100 * share))
        found.append((f"{100 * share:.0f} %", arrivals))
    if trace is not None:
        rate = TRACE_SHARE * capacity
        replayed = stretch_of(trace, rate, _long_enough_s(rate, seconds))
        found.append((f"trace, {100 * TRACE_SHARE:.0f} %", replayed))
    return found


def _long_enough_s(rate: float, least_s: float) -> float:
    """Seconds of a load: of 300 requests the p99 is what the third slowest of them met."""
    return min(max(least_s, REQUESTS / rate), LONGEST_S)


def _write(out: Path, compared: Sequence[Compared]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    text = as_markdown(compared)
    out.write_text(text)
    out.with_suffix(".json").write_text(json.dumps([asdict(c) for c in compared], indent=1) + "\n")
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())
