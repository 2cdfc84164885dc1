"""One replica on a real cluster: timed by batch size, filled to its capacity, and loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.calibration.cases import Case
from e2e.kit.access import wait_for
from e2e.kit.served import Stage
from e2e.load.generator import Report
from e2e.load.process import LoadProcess
from e2e.load.stats import Summary, summarise

CLASS = "calibration-core"
# A whole core: a part of one is a quota that is full speed until it is spent, then a standstill.
RESOURCES = {"cpu": "1", "memory": "512Mi"}
_PROFILE_S = 6.0
_RISE, _RISES, _RISE_S = 1.4, 7, 3.0
_CAPACITY_WINDOW_S = 5.0
_CAPACITY_TRIES, _SATURATED = 3, 0.7
WARM_S = 3.0  # the first requests of a run meet cold caches: they are sent and not counted
_COUNTERS = (
    *("nv_inference_request_success", "nv_inference_count", "nv_inference_exec_count"),
    *("nv_inference_queue_duration_us", "nv_inference_compute_input_duration_us"),
    *("nv_inference_compute_infer_duration_us", "nv_inference_compute_output_duration_us"),
)
_COMPUTE = tuple(name for name in _COUNTERS if "compute" in name)


@dataclass(frozen=True, slots=True)
class Measured:
    """What clients saw of a run, and Triton's own means over it. Seconds; batch in items."""

    summary: Summary
    p50_s: float
    p99_s: float
    service_s: float
    queue_s: float
    batch: float


class Served:
    """A model with one replica, and ways to reach it. `target`: its SLO's. `late_requests`: the
    order of its queue, None as trimtab has it."""

    def __init__(
        self, stage: Stage, case: Case, target: str = "10s", late_requests: str | None = None
    ) -> None:
        self.stage = stage
        self.case = case
        self._target = target
        self._batching: dict[str, Any] = {"maxBatchSize": case.max_batch}
        if late_requests is not None:
            self._batching["lateRequests"] = late_requests
        self.url = ""
        self._pod = ""

    def start(self) -> None:
        """Applies class and model, and waits until the replica serves."""
        self.stage.put(_accelerator_class())
        manual = {"variant": self.case.variant, "acceleratorClass": CLASS, "replicas": 1}
        self.stage.put(self.manifest({"mode": "Manual", "manual": manual}))
        self.stage.await_condition("Ready", "True", name=self.case.name, seconds=240)
        self.url = self.stage.way_in(self.case.name)
        wait_for("one pod", lambda: len(self._pods()) == 1, seconds=60)
        (self._pod,) = self._pods()
        # Under Manual the batch cap follows what is learnt, and the pod that is measured goes.
        self.stage.put(self.manifest({"mode": "Advise"}))

    def manifest(self, scaling: Mapping[str, Any]) -> dict[str, Any]:
        """The ModelDeployment, scaled so."""
        case, images = self.case, self.stage.images
        variant = {
            "name": case.variant,
            "accuracy": "0.5",
            "acceleratorClasses": [CLASS],
            "source": {"image": {"reference": images.models, "path": case.path}},
        }
        return {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": case.name, "namespace": self.stage.namespace},
            "spec": {
                "model": case.model,
                "objective": "MinimizeCost",
                "slo": {"latency": {"percentile": 99, "target": self._target}},
                "scaling": dict(scaling),
                "triton": {"image": images.triton, "dynamicBatching": self._batching},
                "variants": [variant],
            },
        }

    def batch_cap(self) -> int:
        """The largest batch that its Triton was told to form."""
        (found,) = self.stage.get("deployments", "-l", self._selector)["items"]
        return int(found["metadata"]["annotations"]["trimtab.dev/batch-cap"])

    def counters(self) -> Mapping[str, float]:
        """Triton's counters of the model as they stand."""
        path = f"/api/v1/namespaces/{self.stage.namespace}/pods/{self._pod}:8002/proxy/metrics"
        return read_counters(self.stage.access.kubectl("get", "--raw", path), self.case.model)

    def send(self, items: int, *schedule: str) -> Report:
        """Sends a load of requests of so many items, and waits for the last answer."""
        shape = ",".join(map(str, (items, *self.case.shape)))
        arguments = ["--url", self.url, "--model", self.case.model, *schedule]
        arguments += ["--input", self.case.input_name, "--shape", shape]
        arguments += ["--output", self.case.output_name]
        arguments += ["--timeout", "60", "--connect-timeout", "30", "--connect-retries", "1"]
        with LoadProcess(arguments, niceness=-5) as process:
            return process.report(timeout_s=300)

    @property
    def _selector(self) -> str:
        return f"trimtab.dev/model-deployment={self.case.name}"

    def _pods(self) -> list[str]:
        found = self.stage.get("pods", "-l", self._selector)["items"]
        return [p["metadata"]["name"] for p in found if not p["metadata"].get("deletionTimestamp")]


def measure_profile(served: Served) -> dict[int, float]:
    """Seconds of one execution by batch size, as Triton counts them: requests that bring a batch of
    their own, at a fifth of what the server can do."""
    times: dict[int, float] = {}
    batch, guess_s = 1, served.case.guess_s
    while batch <= served.case.max_batch:
        rate = 0.2 / guess_s
        served.send(batch, "--schedule", f"{WARM_S:g}s@{rate:.2f}")
        before = served.counters()
        served.send(batch, "--schedule", f"{_PROFILE_S:g}s@{rate:.2f}")
        service_s, _, _ = means(before, served.counters())
        times[batch] = service_s
        batch, guess_s = 2 * batch, max(2.0 * service_s, served.case.guess_s)
    return times


def measure_capacity(served: Served, times: Mapping[int, float]) -> float:
    """The most requests per second that were answered, over five seconds, under a load that rises
    from a third of what one request at a time allows to three times that, and on from there until
    a good part of it is not answered in time."""
    rate, most = 0.3 / max(times[1], served.case.guess_s), 0.0
    for _ in range(_CAPACITY_TRIES):
        rises = [rate * _RISE**i for i in range(_RISES)]
        schedule = ",".join(f"{_RISE_S:g}s@{r:.2f}" for r in rises)
        results = served.send(1, "--schedule", schedule).results
        ends = sorted(r.scheduled_s + r.latency_s for r in results if not r.error)
        most = max(most, most_in(ends, _CAPACITY_WINDOW_S) / _CAPACITY_WINDOW_S)
        if most < _SATURATED * rises[-1]:
            break
        rate = rises[-2]
    return most


def most_in(times: Sequence[float], window_s: float) -> int:
    """The most of these ascending times that lie within any window of that length."""
    first, most = 0, 0
    for last, end_s in enumerate(times):
        while end_s - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def measure_run(served: Served, arrivals: Path) -> Measured:
    """One load from a file of arrival times."""
    before = served.counters()
    summary = summarise(served.send(1, "--trace", str(arrivals)).results, WARM_S)
    service_s, queue_s, batch = means(before, served.counters())
    p50_s, p99_s = summary.p50_s or 0.0, summary.p99_s or 0.0
    return Measured(summary, p50_s, p99_s, service_s, queue_s, batch)


def means(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[float, float, float]:
    """Mean seconds of an execution and in the queue, by requests, and mean items of an execution.

    Triton adds a batch's compute time once for each request of it.
    """
    grown = {name: after[name] - before[name] for name in _COUNTERS}
    requests = max(1.0, grown["nv_inference_request_success"])
    compute_us = sum(grown[name] for name in _COMPUTE)
    batch = grown["nv_inference_count"] / max(1.0, grown["nv_inference_exec_count"])
    queue_us = grown["nv_inference_queue_duration_us"]
    return compute_us / requests * 1e-6, queue_us / requests * 1e-6, batch


def read_counters(text: str, model: str) -> dict[str, float]:
    """One model's counters from Triton's /metrics, over its versions; 0 where one is absent."""
    found = dict.fromkeys(_COUNTERS, 0.0)
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        labels, _, value = rest.rpartition("}")
        if brace and name in found and f"model={json.dumps(model)}" in labels.split(","):
            found[name] += float(value)
    return found


def _accelerator_class() -> dict[str, Any]:
    return {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": CLASS},
        "spec": {"resources": RESOURCES, "pricePerHour": "0.10"},
    }
