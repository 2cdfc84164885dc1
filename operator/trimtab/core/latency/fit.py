"""From a measured latency back to what the model lacks."""

from __future__ import annotations

from dataclasses import replace

from trimtab.core.latency.replica import ReplicaModel


def service_scale(model: ReplicaModel, rate: float, percentile: float, observed_s: float) -> float:
    """By what factor the service times must grow for the model to say what was observed.

    `rate`: requests/s of one replica. Within 0.5 and 3. Not the ratio of the latencies: a front end
    that takes a third of the core leaves the percentile nearly right at half load, and makes it
    five times too hopeful near saturation.
    """
    low, high = 0.5, 3.0
    for _ in range(20):
        middle = (low + high) / 2
        scaled = replace(model, curve=model.curve.scaled(middle))
        if scaled.latency_s(rate, percentile) < observed_s:
            low = middle
        else:
            high = middle
    return (low + high) / 2
