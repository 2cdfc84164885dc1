"""How fast the simulator plays: its event loop alone, and whole runs of ten models.

`python -m bench.engine [--hours H] [--decided-hours H]` prints one JSON. requests_per_second:
played by one core in the event loop, by load of a pod and number of pods. run: ten models with
readings, under a rule that costs nothing to ask. ten_models: ten models of five variants on three
classes under trimtab's own decision, each with profiles of its own. Seconds are of CPU time, so
that a busy machine measures alike.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np

from bench.cases import MANIFESTS, scaled
from trimtab.api.resources import (
    AcceleratorClass,
    HostPathSource,
    LatencySlo,
    ModelDeployment,
    ObjectKey,
    Profile,
    ProfilePoint,
    TritonSettings,
    Variant,
)
from trimtab.core.plan import Target
from trimtab.core.snapshot import WorkloadKey
from trimtab.simulate.fleet import Fleet, load_fleet
from trimtab.simulate.player import Player, largest_batch
from trimtab.simulate.policies.trimtab import Trimtab
from trimtab.simulate.policy import Policy, Seen, Targets
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import make_truth

_TICK_S = 5.0
_KEY = WorkloadKey("fp16", "gpu")
_POINTS = (ProfilePoint(1, 0.012), ProfilePoint(8, 0.036), ProfilePoint(16, 0.070))
_POD_RATE = 228.0  # requests/s at which a pod with full batches is busy all the time


class Still:
    """Always so many replicas."""

    def __init__(self, keys: tuple[ObjectKey, ...], replicas: int) -> None:
        self._targets: Targets = {k: (Target(_KEY, replicas, 16),) for k in keys}

    def start(self, seen: Seen, now_s: float) -> Targets:
        """The same."""
        del seen, now_s
        return self._targets

    tick = start


def _fleet(models: int) -> Fleet:
    variant = Variant(
        "fp16", Decimal("0.9"), HostPathSource("/m"), ("gpu",), (Profile("gpu", _POINTS),)
    )
    return Fleet(
        tuple(
            ModelDeployment(
                key=ObjectKey("bench", f"model-{i}"),
                uid="",
                generation=1,
                model="m",
                slo=LatencySlo(99.0, 0.1),
                triton=TritonSettings("triton", max_batch_size=16),
                variants=(variant,),
            )
            for i in range(models)
        ),
        {"gpu": AcceleratorClass("gpu", (), Decimal("1"))},
    )


def _loop(pods: int, load: float) -> float:
    """Requests per second of the event loop, the best of three."""
    fleet = _fleet(1)
    spec = fleet.models[0]
    rng = np.random.default_rng(1)
    rate, ticks = pods * load * _POD_RATE, max(20, int(400_000 / (pods * load * _POD_RATE * 5)))
    speeds = []
    for _ in range(3):
        player = Player(spec, largest_batch(spec), 1, (1,))
        player.set_speeds([make_truth(fleet).at(spec.key, _KEY, 0.0)])
        rows = np.array([player.add(0, 16, 0.0) for _ in range(pods)])
        ends = np.arange(1, ticks + 1) * _TICK_S
        times = [np.sort(e - _TICK_S * rng.random(rng.poisson(rate * _TICK_S))) for e in ends]
        routes = [rows[rng.integers(0, pods, len(t))] for t in times]
        began = time.process_time()
        for end_s, at, to in zip(ends, times, routes, strict=True):
            player.play(float(end_s), at, to)
        speeds.append(sum(map(len, times)) / (time.process_time() - began))
    return max(speeds)


def _cases() -> Iterator[dict[str, float]]:
    for pods in (1, 10, 100):
        for load in (0.3, 0.8):
            speed = _loop(pods, load)
            yield {"pods": pods, "load": load, "requests_per_second": round(speed)}


def _still(hours: float, rate: float = 64.0, models: int = 10) -> dict[str, float]:
    """A whole run of so many models at that rate each, with three replicas of each."""
    fleet = _fleet(models)
    keys = tuple(m.key for m in fleet.models)
    seconds = int(hours * 3600)
    trace = Trace(np.arange(seconds + 1.0), np.full(seconds, int(rate)))
    return _timed(fleet, dict.fromkeys(keys, trace), Still(keys, 3), hours)


def _decided(hours: float, rate: float = 185.0, models: int = 10) -> dict[str, float]:
    """The same under trimtab's decision, each at that mean rate, with bursts."""
    fleet = load_fleet([MANIFESTS / "five.yaml"])
    (one,) = fleet.models
    many = tuple(
        replace(scaled(one, itertools.repeat(1.0 + i / 50)), key=ObjectKey("bench", f"m-{i}"))
        for i in range(models)
    )
    traces = {m.key: bursty(int(hours * 3600), rate, i) for i, m in enumerate(many)}
    return _timed(replace(fleet, models=many), traces, Trimtab(), hours)


def bursty(seconds: int, rate: float, seed: int) -> Trace:
    """Poisson counts about a level that swings by half within ninety minutes and is three times as
    high in one minute of thirty."""
    at_s = np.arange(seconds) + 600.0 * seed
    level = (1.0 + 0.5 * np.sin(at_s / 5400.0 * 2.0 * np.pi)) * np.where(at_s % 1800 < 60, 3.0, 1.0)
    counts = np.random.default_rng(seed).poisson(level * (rate / level.mean()))
    return Trace(np.arange(seconds + 1.0), counts)


def _timed(
    fleet: Fleet, traces: Mapping[ObjectKey, Trace], policy: Policy, hours: float
) -> dict[str, float]:
    began = time.process_time()
    report = run(fleet, traces, policy, RunSettings(policy="bench"))
    cpu_s = time.process_time() - began
    requests = sum(m.requests for m in report.models)
    steps = len(fleet.models) * hours * 3600 / RunSettings().tick_s
    return {
        "models": len(fleet.models),
        "hours": hours,
        "requests": requests,
        "cpu_seconds": round(cpu_s, 2),
        "ms_per_model_and_tick": round(1000 * cpu_s / steps, 3),
        "requests_per_second": round(requests / cpu_s),
    }


def main() -> None:
    """Prints the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="length of the run at rest")
    parser.add_argument("--decided-hours", type=float, default=6.0, help="length of the other run")
    given = parser.parse_args()
    _loop(1, 0.3)  # compiled before it is timed
    figures = {
        "event_loop": list(_cases()),
        "run": _still(given.hours),
        "ten_models": _decided(given.decided_hours),
    }
    print(json.dumps(figures))  # noqa: T201


if __name__ == "__main__":
    main()
