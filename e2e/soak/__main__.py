"""python -m e2e.soak [--out FILE] [--minutes N] [--seed N] [--trace FILE@SECOND]"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.demo import play
from e2e.demo.account import say
from e2e.kit.access import Access, CommandFailed
from e2e.kit.gateway import failures_of, gateway_down, gateway_up
from e2e.kit.reach import reach
from e2e.kit.recorder import Recorder
from e2e.kit.saturation import SaturationError, most_of_one_replica
from e2e.kit.served import Stage
from e2e.load.generator import Report
from e2e.load.process import LoadError, LoadProcess
from e2e.soak import bursts, verdict
from e2e.soak.asked import add_options, schedule_of, seed_of
from e2e.soak.faults import Target, inject, kinds_for
from e2e.soak.models import SLOWEST, Model, models
from e2e.soak.operator import OperatorWatch
from e2e.soak.verdict import Fault, SoakFigures

_BETWEEN_S = (25.0, 75.0)
# A burst that comes while nothing can be read or written is answered late, and that is told. A
# client that gives up would make it lost, and what is lost by a fault could not be told from it.
_PATIENCE_S = 90.0
_QUIET_END_S = 60.0  # the last fault is over well before the load is


def main() -> int:
    arguments = _parser().parse_args()
    seed = seed_of(arguments)
    say(f"seed {seed}: the same load and the same faults again with --seed {seed}")
    try:
        figures = _soak(reach(), arguments, seed)
    except (
        *(ClusterError, CommandFailed, LoadError, SaturationError),
        *(TimeoutError, ValueError, OSError),
    ) as error:
        print(f"\nThe soak stopped: {error}", file=sys.stderr)
        if error.__context__ is not None:  # what it was clearing up after
            print(f"Before that: {error.__context__}", file=sys.stderr)
        return 1
    text = json.dumps(dataclasses.asdict(figures), indent=2)
    say(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.soak", description=__doc__)
    add_options(parser, minutes=30.0)
    return parser


def _soak(access: Access, arguments: argparse.Namespace, seed: int) -> SoakFigures:
    # Room for bursts would hold the fleets where they are, and changes are what is looked at.
    images = play.installed(access, "--set", "roomForBursts=false")
    with step(f"measuring what one replica of {SLOWEST} answers at most"):
        most = most_of_one_replica(access, images, SLOWEST)
    say(f"one replica of {SLOWEST} answers at most {most:.0f} requests/s")
    duration_s = 60.0 * arguments.minutes
    with ExitStack() as stack:
        gateway = None
        if access.embedded is not None:
            gateway = gateway_up(access)
            stack.callback(gateway_down, access)
        stage = stack.enter_context(Stage(access, images))
        fleet = models(stage, gateway)
        for model in fleet:
            stage.put(model.manifest)
        for model in fleet:
            stage.await_condition("Ready", "True", name=model.name, seconds=240)
        records = [stack.enter_context(stage.record(m.name)) for m in fleet]
        watch = stack.enter_context(OperatorWatch(access))
        loads = [
            stack.enter_context(
                stage.load(
                    *(m.url or stage.way_in(m.name), schedule),
                    seed=seed + n,
                    patience_s=_PATIENCE_S,
                )
            )
            for n, (m, schedule) in enumerate(_schedules(fleet, arguments, seed, duration_s, most))
        ]
        target = Target(stage, tuple(m.name for m in fleet), random.Random(seed))
        faults = _inject_all(target, time.time() + duration_s - _QUIET_END_S, loads)
        reports = [load.report(_QUIET_END_S + 180.0) for load in loads]
        _tell_lost(fleet, reports, failures_of(access) if gateway else ())
        for model, record in zip(fleet, records, strict=True):
            _tell_over_budget(model, record)
    return _figures(seed, arguments.minutes, fleet, records, reports, faults, watch)


def _tell_lost(fleet: Sequence[Model], reports: Sequence[Report], refused: Sequence[str]) -> None:
    """Every request that failed, and what Envoy says of those that it answered itself."""
    for model, report in zip(fleet, reports, strict=True):
        for r in report.results:
            if r.error:
                at = _clock(report.started_at_s + r.scheduled_s)
                say(f"{model.name}: {at}, {r.latency_s:.2f} s, {r.error}")
    for line in refused:
        say(line)


def _tell_over_budget(model: Model, record: Recorder) -> None:
    """What there was when the pods of a model began to cost more than its budget, and before."""
    for before, after in itertools.pairwise(record.moments):
        if before.cost_per_hour <= model.promise.budget < after.cost_per_hour:
            for m in (before, after):
                say(
                    f"{model.name}: {_clock(m.at_s)}, ${m.cost_per_hour}/h, asked {dict(m.asked)},"
                    f" {m.existing} exist, {m.ready} Ready; {m.summary}"
                )


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at_s))


def _schedules(
    fleet: Sequence[Model],
    arguments: argparse.Namespace,
    seed: int,
    duration_s: float,
    most: float,
) -> list[tuple[Model, str]]:
    """What every model is asked: drawn, or from the trace, each model half a run later in it."""
    found = []
    for number, model in enumerate(fleet):
        later_s = number * duration_s / 2
        schedule = schedule_of(arguments, seed + number, model.peak * most, later_s)
        found.append((model, bursts.text(schedule)))
    return found


def _inject_all(target: Target, until_s: float, loads: Sequence[LoadProcess]) -> list[Fault]:
    faults: list[Fault] = []
    while True:
        pause_s = target.rng.uniform(*_BETWEEN_S)
        if time.time() + pause_s > until_s or not all(load.running for load in loads):
            return faults
        time.sleep(pause_s)
        kind = target.rng.choice(kinds_for(target))
        fault = inject(kind, target)
        faults.append(fault)
        took = "none in time" if fault.recovery_s is None else f"{fault.recovery_s:.1f} s"
        seconds = [s for load in loads for s in load.new_seconds()]
        sent, failed = sum(s.sent for s in seconds), sum(s.failed for s in seconds)
        say(
            f"{_clock(fault.at_s)}, {kind.name} for {fault.ended_s - fault.at_s:.1f} s: recovery"
            f" {took}; {sent} requests since the last, failed {failed}"
        )


def _figures(
    seed: int,
    minutes: float,
    fleet: Sequence[Model],
    records: Sequence[Recorder],
    reports: Sequence[Report],
    faults: Sequence[Fault],
    watch: OperatorWatch,
) -> SoakFigures:
    runs = list(zip(fleet, records, reports, strict=True))
    requests = sum(len(r.results) for r in reports)
    errors = Counter(x.error for r in reports for x in r.results if x.error)
    good = sum(verdict.in_time(r.results, m.promise.target_s) for m, _, r in runs)
    scaled = sum(verdict.scale_changes(r.moments) for r in records)
    switched = sum(verdict.variant_changes(r.moments) for r in records)
    by_fault = verdict.recoveries(faults)
    at_kills = [
        (report, [f.at_s - report.started_at_s for f in faults if f.killed == model.name])
        for model, _, report in runs
    ]
    return SoakFigures(
        seed=seed,
        minutes=minutes,
        requests=requests,
        failed=sum(errors.values()),
        failed_at_kills=sum(verdict.failed_at_kills(r.results, s) for r, s in at_kills),
        in_flight_at_kills=sum(verdict.in_flight(r.results, s) for r, s in at_kills),
        slo_attainment=round(good / max(1, requests), 5),
        changes=scaled + switched,
        scale_changes=scaled,
        variant_changes=switched,
        faults=verdict.counted(faults),
        shrinks_on_unknown=sum(verdict.shrinks_on_unknown(r.moments, faults) for r in records),
        budget_violation_seconds=round(
            sum(verdict.over_budget_s(r.moments, m.promise.budget) for m, r, _ in runs), 1
        ),
        floor_violations=sum(verdict.floor_violations(r.moments, m.promise) for m, r, _ in runs),
        recoveries_seconds=[s for each in by_fault.values() for s in each],
        recoveries_by_fault=by_fault,
        operator_restarts=watch.restarts,
        operator_rss_mib_max=round(watch.rss_mib_max, 1),
        recorded_share=round(
            min(verdict.recorded_s(r.moments) for r in records) / (60.0 * minutes), 3
        ),
        errors=dict(errors),
    )


if __name__ == "__main__":
    sys.exit(main())
