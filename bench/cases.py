"""Fleets under recorded load: manifests, stretches of traces, scales, and wrong seeds."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from trimtab.api.resources import ModelDeployment, ObjectKey, Profile, ProfilePoint
from trimtab.simulate.fleet import Fleet, load_fleet
from trimtab.simulate.policies.pin import seed_curves, ways
from trimtab.simulate.trace import Trace
from trimtab.simulate.trace_file import read_trace
from trimtab.simulate.truth import Truth, make_truth

MANIFESTS = Path(__file__).parent / "manifests"
# Models of one fleet play the same recording, each so many seconds after the one before.
_APART_S = 11 * 3600
RECORDINGS = {
    "twitter": "twitter-2018-days-01-07.csv.gz",
    "azure": "azure-llm-2023-code-arrivals.csv.gz",
}
# A recording of few requests is scaled up by hundreds: by the second, the chance in which second
# each of them fell would become bursts that nobody sent.
_STEPS_S = {"twitter": 1, "azure": 10}
_SEED = 1
_WRONG_SEEDS = (0.7, 1.3)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording: `duration_s` seconds from `start_s` on."""

    recording: str
    start_s: int
    duration_s: int

    @classmethod
    def parse(cls, text: str) -> Stretch:
        """`twitter@6h+2h`: two hours from the sixth on. Raises ValueError that names the form."""
        try:
            recording, rest = text.split("@")
            start, length = rest.split("+")
            if recording not in RECORDINGS or start[-1] != "h" or length[-1] != "h":
                raise ValueError
            return cls(recording, int(float(start[:-1]) * 3600), int(float(length[:-1]) * 3600))
        except (ValueError, IndexError):
            known = ", ".join(RECORDINGS)
            raise ValueError(
                f"{text!r} is no stretch: write RECORDING@STARTh+LENGTHh, RECORDING one of {known}"
            ) from None

    def __str__(self) -> str:
        return f"{self.recording}@{self.start_s / 3600:g}h+{self.duration_s / 3600:g}h"


@dataclass(frozen=True, slots=True)
class Setup:
    """A fleet, its load and its true service times."""

    fleet: Fleet
    traces: Mapping[ObjectKey, Trace]
    truth: Truth


def trace_folder(given: Path | None) -> Path:
    """Where the recordings are: the option, else TRIMTAB_TRACES. FileNotFoundError without both."""
    name = given or os.environ.get("TRIMTAB_TRACES")
    if not name:
        raise FileNotFoundError("Say where the traces are: --traces DIR, or TRIMTAB_TRACES.")
    return Path(name)


def recording_file(folder: Path, stretch: Stretch) -> Path:
    """The file of a stretch's recording."""
    return folder / RECORDINGS[stretch.recording]


@lru_cache(maxsize=4)
def _recording(path: Path) -> Trace:
    return read_trace(path)


def set_up(
    manifest: Path, folder: Path, stretch: Stretch, mean_replicas: float, *, wrong_seeds: bool
) -> Setup:
    """The fleet of a manifest where each model's mean load needs `mean_replicas` of the cheapest
    way to serve it. `wrong_seeds`: the manifest's profiles are wrong by 30 %, in turns too fast and
    too slow, and what they say in the file is true."""
    fleet = load_fleet([manifest])
    truth = make_truth(fleet)
    whole = _recording(recording_file(folder, stretch))
    traces = {}
    for i, model in enumerate(fleet.models):
        step_s = _STEPS_S[stretch.recording]
        part = cut(whole, stretch.start_s + i * _APART_S, stretch.duration_s, step_s)
        carried = ways(model, fleet.accelerator_classes, seed_curves(model))[0].rate
        traces[model.key] = part.scaled(
            mean_replicas * carried / part.rate(0.0, stretch.duration_s), _SEED
        )
    if wrong_seeds:
        wrong = tuple(scaled(m, itertools.cycle(_WRONG_SEEDS)) for m in fleet.models)
        fleet = replace(fleet, models=wrong)
    return Setup(fleet, traces, truth)


def cut(trace: Trace, start_s: int, duration_s: int, step_s: int = 1) -> Trace:
    """The trace by steps from `start_s` on, begun again at its end where it is shorter."""
    counts = np.rint(trace.rates(step_s) * step_s).astype(np.int64)
    # The last step may be cut short; what it holds is no rate.
    at = np.arange(start_s // step_s, (start_s + duration_s) // step_s) % max(1, counts.size - 1)
    return Trace(np.arange(at.size + 1.0) * step_s, counts[at])


def scaled(model: ModelDeployment, factors: Iterable[float]) -> ModelDeployment:
    """The model with the times of its profiles multiplied by those factors, one each."""
    each = iter(factors)
    variants = tuple(
        replace(v, profiles=tuple(_scaled(p, next(each)) for p in v.profiles))
        for v in model.variants
    )
    return replace(model, variants=variants)


def _scaled(profile: Profile, factor: float) -> Profile:
    points = tuple(ProfilePoint(p.batch, p.latency_s * factor) for p in profile.points)
    return replace(profile, points=points)
