"""python -m e2e.load: send an open-loop load, and say what it felt like."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import itertools
import json
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from e2e.load.arrivals import Schedule, Trace, Workload
from e2e.load.generator import Endpoint, Limits, Report, run
from e2e.load.payload import VARIETY, Call, TensorSpec, calls_for
from e2e.load.stats import Second, Summary, summarise


def main() -> int:
    parser = _parser()
    arguments = parser.parse_args()
    try:
        workload = _workload(arguments)
        endpoint = Endpoint.parse(arguments.url)
        limits = Limits(arguments.connect_timeout, arguments.timeout, arguments.connect_retries)
        host = urlsplit(arguments.url).netloc
        calls = calls_for(arguments.model, host, _spec(arguments), variety=arguments.variety)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    report = asyncio.run(_play(workload, endpoint, calls, limits, arguments))
    if not arguments.stream:
        _print_summary(workload, report)
    if arguments.json:
        arguments.json.write_text(json.dumps(_as_json(workload, report)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m e2e.load",
        description="Open-loop load for a KServe v2 server; latency runs from the scheduled time.",
    )
    parser.add_argument("--url", required=True, help="http://HOST:PORT")
    parser.add_argument("--model", required=True, help="the model's name in Triton")
    load = parser.add_mutually_exclusive_group(required=True)
    load.add_argument("--schedule", help="LENGTH@RATE,... such as 30s@20,60s@200")
    load.add_argument("--trace", type=Path, help="CSV: second,requests or arrival_s; plain or gz")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals (default 1)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every result to this file")
    parser.add_argument(
        "--stream", action="store_true", help="one JSON line a second, for programs"
    )
    parser.add_argument("--connect-timeout", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument(
        "--connect-retries", type=int, default=0, metavar="N", help="of a refused connection"
    )
    parser.add_argument(
        "--variety",
        type=int,
        default=VARIETY,
        metavar="N",
        help=f"different digits, sent in turn (default {VARIETY})",
    )
    tensors = parser.add_argument_group("the model's FP32 tensors (default: those of digits)")
    tensors.add_argument("--input", help="the input's name")
    tensors.add_argument("--shape", help="its shape with the batch, such as 1,1,8,8")
    tensors.add_argument("--output", help="the output's name")
    return parser


def _workload(arguments: argparse.Namespace) -> Workload:
    if arguments.trace is not None:
        return Trace.read(arguments.trace)
    return Schedule.parse(arguments.schedule)


def _spec(arguments: argparse.Namespace) -> TensorSpec | None:
    given = (arguments.input, arguments.shape, arguments.output)
    if not any(given):
        return None
    if not all(given):
        raise ValueError("--input, --shape and --output belong together")
    shape = tuple(int(size) for size in arguments.shape.split(","))
    return TensorSpec(arguments.input, shape, arguments.output)


async def _play(
    workload: Workload,
    endpoint: Endpoint,
    calls: tuple[Call, ...],
    limits: Limits,
    arguments: argparse.Namespace,
) -> Report:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    arrivals = workload.arrivals(arguments.seed)
    # A collection over all results takes tens of milliseconds, which would be counted as the
    # server's. Nothing here makes cycles, so nothing is lost by going without.
    gc.disable()
    if arguments.stream:
        print(json.dumps({"started_at_s": time.time()}), flush=True)
    else:
        total = f"{len(arrivals)} requests in {workload.duration_s:g} s"
        print(f"{total}, seed {arguments.seed}", file=sys.stderr)
    show = _streaming(stop) if arguments.stream else _show
    return await run(arrivals, endpoint, calls, limits=limits, on_second=show, stop=stop)


def _streaming(stop: asyncio.Event) -> Callable[[Second], None]:
    def stream(second: Second) -> None:
        try:
            print(json.dumps(second), flush=True)
        except BrokenPipeError:
            # Who was to end it is gone: the load of a killed test went on under the next one.
            stop.set()

    return stream


def _show(second: Second) -> None:
    print(
        f"{second.second:5d} s  sent {second.sent:5d}  ok {second.ok:5d}  "
        f"failed {second.failed:4d}  in flight {second.in_flight:4d}  "
        f"p50 {_ms(second.p50_s)}  p99 {_ms(second.p99_s)}",
        file=sys.stderr,
    )


def _ms(seconds: float | None) -> str:
    return "      -   " if seconds is None else f"{seconds * 1000:7.1f} ms"


def _stretches(workload: Workload) -> list[tuple[float, float, str]]:
    """The parts of a run that are worth a line each: a schedule's segments, or all of a trace."""
    if not isinstance(workload, Schedule):
        return [(0.0, math.inf, "all")]
    ends = list(itertools.accumulate(part.duration_s for part in workload.segments))
    return [
        (end - part.duration_s, end, f"{part.duration_s:g}s@{part.rate:g}")
        for part, end in zip(workload.segments, ends, strict=True)
    ]


def _print_summary(workload: Workload, report: Report) -> None:
    for start, end, name in _stretches(workload):
        part = summarise(report.results, start, end)
        print(
            f"{name:>12}: {part.requests} requests, {part.failed} failed{_errors(part)}, "
            f"p50 {_ms(part.p50_s).strip()}, p95 {_ms(part.p95_s).strip()}, "
            f"p99 {_ms(part.p99_s).strip()}, max {_ms(part.max_s).strip()}"
        )
    total = summarise(report.results)
    share = 100 * report.cpu_s / report.elapsed_s
    print(
        f"{'generator':>12}: late by {_ms(total.lag_p99_s).strip()} at p99, {share:.0f} % of a core"
    )
    if total.accuracy is not None:
        print(f"{'accuracy':>12}: {total.accuracy:.4f}")


def _errors(part: Summary) -> str:
    listed = ", ".join(f"{count} {error}" for error, count in sorted(part.errors.items()))
    return f" ({listed})" if listed else ""


def _as_json(workload: Workload, report: Report) -> dict[str, object]:
    return {
        "started_at_s": report.started_at_s,
        "elapsed_s": report.elapsed_s,
        "cpu_s": report.cpu_s,
        "summary": dataclasses.asdict(summarise(report.results)),
        "stretches": [
            {"name": name, **dataclasses.asdict(summarise(report.results, start, end))}
            for start, end, name in _stretches(workload)
        ],
        "results": [list(result) for result in report.results],
    }


if __name__ == "__main__":
    sys.exit(main())
