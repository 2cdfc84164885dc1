"""A variant's profile, measured as its user would: `trimtab profile` on one replica."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from e2e.kit.access import CommandFailed
from e2e.kit.command import trimtab
from e2e.kit.served import Stage


@dataclass(frozen=True)
class Profiled:
    """block: as `spec.variants[].profile` takes it. most: requests/s that the replica answers."""

    block: list[dict[str, Any]]
    most: float


def profiled(stage: Stage, variant: str) -> Profiled:
    """What `trimtab profile` finds of the digits model's variant; raises CommandFailed."""
    url = one_replica(stage, variant)
    on = ("--url", url, "--model", "digits", "--accelerator-class", "cpu-quarter")
    done = trimtab("profile", *on, "-o", "json")
    if done.returncode:
        raise CommandFailed(f"trimtab profile of {variant}: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    stage.kubectl("delete", "modeldeployment", variant)
    return Profiled(told["profile"], told["capacity"]["requestsPerSecond"])


def one_replica(stage: Stage, variant: str) -> str:
    """A way to one replica of the digits model's variant, a ModelDeployment of the variant's name.

    It stays one: under Advise no load changes it.
    """
    one = {"variant": variant, "acceleratorClass": "cpu-quarter", "replicas": 1}
    stage.put(stage.digits(variant, scaling={"mode": "Manual", "manual": one}))
    stage.await_condition("Ready", "True", name=variant, seconds=240)
    stage.put(stage.digits(variant, scaling={"mode": "Advise"}))
    return stage.way_in(variant)
