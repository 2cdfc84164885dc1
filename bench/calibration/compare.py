"""What the model and the simulator say of a run that was measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.calibration.cases import Case
from bench.calibration.measure import CLASS, RESOURCES, WARM_S, Measured
from trimtab.core.latency import ReplicaModel, ServiceCurve


@dataclass(frozen=True, slots=True)
class Profile:
    """One replica as it was measured: seconds of an execution by batch size, requests/s at
    saturation, and the seconds of a request beside its execution that explain the difference."""

    case: Case
    times: tuple[tuple[int, float], ...]
    capacity_rate: float
    front_end_s: float

    @classmethod
    def of(cls, case: Case, times: Mapping[int, float], capacity_rate: float) -> Profile:
        """At saturation a full batch takes s(B) + B*f, and capacity is B of them in that time."""
        largest = max(times)
        front_end_s = max(0.0, 1.0 / capacity_rate - times[largest] / largest)
        return cls(case, tuple(sorted(times.items())), capacity_rate, front_end_s)

    def model(self, *, front_end: bool) -> ReplicaModel:
        """The latency model of the replica."""
        curve = ServiceCurve(self.times).with_front_end(self.front_end_s if front_end else 0.0)
        return ReplicaModel(curve, batch_cap=self.case.max_batch)


@dataclass(frozen=True, slots=True)
class Compared:
    """One run of one model. Seconds; infinite where the model calls the load too much.

    load: in words. share: of the measured capacity. bare_p99_s: predicted without a front end.
    service_s, queue_s, batch: Triton's own means over the run. lag_p99_s: how late the generator
    itself was.
    """

    model: str
    load: str
    share: float
    requests: int
    failed: int
    lag_p99_s: float
    measured_p50_s: float
    measured_p99_s: float
    predicted_p50_s: float
    predicted_p99_s: float
    bare_p99_s: float
    simulated_p50_s: float
    simulated_p99_s: float
    service_s: float
    queue_s: float
    batch: float
    times: tuple[tuple[int, float], ...]
    capacity_rate: float
    front_end_s: float

    @staticmethod
    def error(told_s: float, measured_s: float) -> float:
        """Told over measured, less one."""
        return told_s / measured_s - 1.0 if measured_s > 0.0 else float("inf")


def compare(
    profile: Profile, load: str, arrivals: Sequence[float], path: Path, measured: Measured
) -> Compared:
    """Everything that is told of one run; `path` holds the arrivals for the simulator."""
    kept = [t for t in arrivals if t >= WARM_S]
    rate = (len(kept) - 1) / (kept[-1] - kept[0]) if len(kept) > 1 else 0.0
    whole, bare = profile.model(front_end=True), profile.model(front_end=False)
    simulated_p50_s, simulated_p99_s = simulate(profile, path)
    return Compared(
        model=profile.case.name,
        load=load,
        share=rate / profile.capacity_rate,
        requests=measured.summary.requests,
        failed=measured.summary.failed,
        lag_p99_s=measured.summary.lag_p99_s or 0.0,
        measured_p50_s=measured.p50_s,
        measured_p99_s=measured.p99_s,
        predicted_p50_s=whole.latency_s(rate, 50.0),
        predicted_p99_s=whole.latency_s(rate, 99.0),
        bare_p99_s=bare.latency_s(rate, 99.0),
        simulated_p50_s=simulated_p50_s,
        simulated_p99_s=simulated_p99_s,
        service_s=measured.service_s,
        queue_s=measured.queue_s,
        batch=measured.batch,
        times=profile.times,
        capacity_rate=profile.capacity_rate,
        front_end_s=profile.front_end_s,
    )


def simulate(profile: Profile, trace: Path) -> tuple[float, float]:
    """p50 and p99 in seconds of the same arrivals at one simulated replica."""
    name = profile.case.name
    with tempfile.TemporaryDirectory(prefix="trimtab-calibrate-") as folder:
        manifest, truth = Path(folder) / "fleet.yaml", Path(folder) / "truth.yaml"
        manifest.write_text(yaml.safe_dump_all(_fleet(profile)))
        truth.write_text(yaml.safe_dump(_truth(profile)))
        command = [str(Path(sys.executable).parent / "trimtab"), "simulate", "-f", str(manifest)]
        command += ["--trace", f"{name}={trace}", "--truth", str(truth), "--start-up", "1s"]
        command += ["--policy", "trimtab", "--seed", "1", "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"trimtab simulate: {done.stderr.strip()[-2000:]}")
    model = json.loads(done.stdout)["models"][name]
    return model["p50_ms"] / 1000.0, model["p99_ms"] / 1000.0


def _fleet(profile: Profile) -> list[dict[str, object]]:
    case = profile.case
    # Of a repository that Triton fetches itself no batch cap is chosen: the manifest's holds.
    variant = {
        "name": case.variant,
        "accuracy": "0.5",
        "acceleratorClasses": [CLASS],
        "source": {"uri": "s3://models/repository"},
        "profile": [{"acceleratorClass": CLASS, "points": _points(profile)}],
    }
    manual = {"variant": case.variant, "acceleratorClass": CLASS, "replicas": 1}
    return [
        {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "AcceleratorClass",
            "metadata": {"name": CLASS},
            "spec": {"resources": RESOURCES, "pricePerHour": "0.10"},
        },
        {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": case.name, "namespace": "calibration"},
            "spec": {
                "model": case.model,
                "objective": "MinimizeCost",
                "slo": {"latency": {"percentile": 99, "target": "10s"}},
                "scaling": {"mode": "Manual", "manual": manual},
                "triton": {
                    "image": "triton",
                    "dynamicBatching": {"maxBatchSize": case.max_batch},
                },
                "variants": [variant],
            },
        },
    ]


def _truth(profile: Profile) -> list[dict[str, object]]:
    truth = {
        "acceleratorClass": CLASS,
        "points": _points(profile),
        "frontEnd": f"{1e6 * profile.front_end_s:.0f}us",
    }
    case = profile.case
    return [{"modelDeployment": case.name, "variant": case.variant, "profile": [truth]}]


def _points(profile: Profile) -> list[dict[str, object]]:
    return [{"batch": b, "latency": f"{max(1.0, 1e6 * s):.0f}us"} for b, s in profile.times]
