"""The load on each model, and what its pods' Triton counts of it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.scale.fleet import Model

_QUANTILES = ("0.5", "0.9", "0.95", "0.99", "0.999")
_LARGEST_BATCH = 16.0
_PERIOD_S = 600.0


def rate(model: Model, moving_s: float | None) -> float:
    """Requests per second of a model, `moving_s` seconds after loads began to move; None: at rest.

    A wave of its own phase between half and one and a half of the mean, and for every tenth model a
    jump to twice as much from the second minute on.
    """
    if moving_s is None:
        return model.rate
    phase = 2 * math.pi * (model.index * 0.618 % 1.0)
    wave = math.sin(phase + 2 * math.pi * moving_s / _PERIOD_S) - math.sin(phase)
    jump = 2.0 if model.index % 10 == 0 and moving_s >= 60.0 else 1.0
    return model.rate * max(0.2, 1.0 + 0.5 * wave) * jump


@dataclass
class Counters:
    """Triton's counters of one pod. They are no whole numbers: a rate that rests then reads as one
    that rests, and what is written meanwhile is written for no reason."""

    success: float = 0.0
    executions: float = 0.0
    compute_us: float = 0.0
    queue_us: float = 0.0
    latency_us: float = 0.0

    def advance(
        self, model: Model, variant: str, accelerator_class: str, per_s: float, seconds: float
    ) -> None:
        """Serves so many requests per second for so long, in batches of what arrives meanwhile."""
        alone_s, two_s = (model.batch_s(variant, accelerator_class, n) for n in (1, 2))
        more_s = two_s - alone_s
        # A batch of b takes alone_s + (b - 1) * more_s, in which arrives what the next one has.
        left = 1.0 - per_s * more_s
        batch = per_s * (alone_s - more_s) / left if left > 0.0 else _LARGEST_BATCH
        batch = min(_LARGEST_BATCH, max(1.0, batch))
        took_s = alone_s + (batch - 1.0) * more_s
        requests = per_s * seconds
        self.success += requests
        self.executions += requests / batch
        # Grows once for each request by its whole batch's time, as Triton counts it.
        self.compute_us += requests * took_s * 1e6
        self.queue_us += requests * took_s * 0.3e6
        self.latency_us = took_s * 1.5e6


def exposition(namespace: str, pod: str, model: str, counters: Counters) -> str:
    """One pod's lines, as Triton's /metrics has them."""
    labels = f'namespace="{namespace}",pod="{pod}",model="{model}",version="1"'
    c = counters
    lines = [
        f"nv_inference_request_success{{{labels}}} {c.success:.3f}",
        f'nv_inference_request_failure{{{labels},reason="OTHER"}} 0',
        f"nv_inference_count{{{labels}}} {c.success:.3f}",
        f"nv_inference_exec_count{{{labels}}} {c.executions:.3f}",
        f"nv_inference_queue_duration_us{{{labels}}} {c.queue_us:.0f}",
        f"nv_inference_compute_input_duration_us{{{labels}}} {c.compute_us * 0.02:.0f}",
        f"nv_inference_compute_infer_duration_us{{{labels}}} {c.compute_us * 0.96:.0f}",
        f"nv_inference_compute_output_duration_us{{{labels}}} {c.compute_us * 0.02:.0f}",
        f"nv_inference_pending_request_count{{{labels}}} 0",
        *(
            f'nv_inference_request_summary_us{{{labels},quantile="{q}"}} {c.latency_us:.0f}'
            for q in _QUANTILES
        ),
    ]
    return "\n".join(lines) + "\n"
