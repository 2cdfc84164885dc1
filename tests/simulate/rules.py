"""Rules that a test writes down tick by tick, and fleets to play them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from tests.core.builders import INT8, accelerator, deployment, variant
from trimtab.api.resources import AcceleratorClass, ModelDeployment, ObjectKey
from trimtab.core.plan import Target
from trimtab.simulate.fleet import Fleet
from trimtab.simulate.policy import Seen, Targets
from trimtab.simulate.report import Report
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace import Trace
from trimtab.simulate.truth import Truth

Script = Callable[[float], Mapping[ObjectKey, tuple[Target, ...]]]
MODEL = deployment(variants=(variant("int8", "0.98", 10.0), variant("fp32", "0.99", 20.0)))
KEY = MODEL.key


class Scripted:
    """Asks for what the script says at each second; keeps what it saw."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.seen: list[tuple[float, Seen]] = []

    def start(self, seen: Seen, now_s: float) -> Targets:
        self.seen.append((now_s, seen))
        return self._script(0.0)

    def tick(self, seen: Seen, now_s: float) -> Targets:
        self.seen.append((now_s, seen))
        return self._script(now_s)


def replicas(*changes: tuple[float, int], **more: object) -> Script:
    """int8 with so many replicas from each second on."""

    def script(now_s: float) -> dict[ObjectKey, tuple[Target, ...]]:
        count = next(n for at, n in reversed(changes) if now_s >= at)
        return {KEY: (Target(INT8, count, 1)._replace(**more),)}  # type: ignore[arg-type]

    return script


def steady(rate: int, length_s: int) -> Trace:
    """That many requests in each second."""
    return Trace(np.arange(length_s + 1.0), np.full(length_s, rate))


def play(
    script: Script | Scripted,
    trace: Trace,
    *,
    model: ModelDeployment = MODEL,
    classes: tuple[AcceleratorClass, ...] = (accelerator(price="3.60"),),
    truth: Truth | None = None,
    **settings: object,
) -> Report:
    """Plays one model; a replica costs $0.001 a second unless told otherwise."""
    fleet = Fleet((model,), {c.name: c for c in classes})
    policy = script if isinstance(script, Scripted) else Scripted(script)
    chosen = replace(RunSettings(start_up_s=12.0, seed=1), **settings)  # type: ignore[arg-type]
    return run(fleet, {model.key: trace}, policy, chosen, truth)
