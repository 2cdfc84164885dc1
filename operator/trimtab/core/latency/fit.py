"""From a measured latency back to what the model lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trimtab.core.latency.replica import ReplicaModel

_ROUNDS = 11  # halvings: a two-thousandth of the range
_TOO_SLOW = 0.25
_FRONT_END_MOST_S = 0.02  # of a core; a large image as JSON takes half of it


def service_scale(model: ReplicaModel, rate: float, percentile: float, observed_s: float) -> float:
    """By what factor the service times must grow for the model to say what was observed.

    `rate`: requests/s of one replica. Within 0.5 and 3.
    """

    def predicted(scale: float) -> float:
        return model.latency_s(rate, percentile, scale)

    return _where(predicted, observed_s, 0.5, 3.0)


def front_end_s(model: ReplicaModel, rate: float, percentile: float, observed_s: float) -> float:
    """The seconds of every request that the executions' times leave out, as the latency tells.

    `model` is without them; `rate`: requests/s of one replica. Up to twice the time of one request
    and 20 ms. Below 0, down to a quarter of the time of one request, where the model is too slow
    already: what noise adds to one reading it takes from the next. Not the ratio of the latencies,
    nor one factor for all times: a front end that takes a third of the core leaves the percentile
    nearly right at half load, and makes it five times too hopeful near saturation, where a time
    for each request is right at both.
    """

    def predicted(seconds: float) -> float:
        slower = replace(model, curve=model.curve.with_front_end(seconds))
        return slower.latency_s(rate, percentile)

    if predicted(0.0) >= observed_s:
        faster = service_scale(model, rate, percentile, observed_s) - 1.0
        return min(0.0, max(-_TOO_SLOW, faster)) * model.curve.seconds(1)
    return _where(predicted, observed_s, 0.0, 2.0 * model.curve.seconds(1) + _FRONT_END_MOST_S)


def _where(
    predicted: Callable[[float], float], observed_s: float, low: float, high: float
) -> float:
    """Where a rising function reaches what was observed."""
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        if predicted(middle) < observed_s:
            low = middle
        else:
            high = middle
    return (low + high) / 2
