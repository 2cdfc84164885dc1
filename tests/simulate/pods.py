"""Pods of the event loop, without a cluster around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.core.builders import deployment
from trimtab.core.latency import ServiceCurve
from trimtab.simulate.player import Player
from trimtab.simulate.state import EXECUTIONS, FAILURE, LATENCY_S, QUEUE_S, SUCCESS, Floats
from trimtab.simulate.truth import Distribution, ServiceTruth


def player(
    *points: tuple[int, float],
    instances: int = 1,
    max_batch: int = 8,
    max_queue: int = 0,
    target_s: float = 0.1,
    front_end_s: float = 0.0,
    cpu_limit: float = math.inf,
    distribution: Distribution | None = None,
) -> Player:
    """A model of one workload whose executions take what the points say."""
    spec = deployment(target_ms=target_s * 1000.0)
    triton = replace(spec.triton, instance_count=instances, max_queue_size=max_queue)
    made = Player(replace(spec, triton=triton), max_batch, 1, (7,))
    curve = ServiceCurve(points or ((1, 0.01),))
    made.set_speeds([ServiceTruth(curve, distribution, front_end_s, cpu_limit)])
    return made


def offer(to: Player, arrivals_s: Sequence[float] | Floats, row: int, end_s: float) -> None:
    """Those requests, all to one pod, and time up to `end_s`."""
    times = np.asarray(arrivals_s, np.float64)
    to.play(end_s, times, np.full(len(times), row))


def poisson(rate: float, length_s: float, seed: int = 3) -> Floats:
    """Arrivals of a Poisson process."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.random(rng.poisson(rate * length_s)) * length_s)


def mean_wait_s(of: Player) -> float:
    """Seconds in the queue, on average."""
    totals = of.totals()
    return float(totals[QUEUE_S] / totals[SUCCESS])


def summary(of: Player) -> tuple[float, float, float, float, float]:
    """Answered, rejected, executions, seconds of latency and of waiting."""
    totals = of.totals()
    return (
        float(totals[SUCCESS]),
        float(totals[FAILURE]),
        float(totals[EXECUTIONS]),
        float(totals[LATENCY_S]),
        float(totals[QUEUE_S]),
    )
