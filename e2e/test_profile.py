"""`trimtab profile` on a replica that runs: the block it prints is one that trimtab takes."""

from __future__ import annotations

import json
import subprocess

import pytest

from e2e.kit.access import wait_for
from e2e.kit.command import trimtab
from e2e.kit.profiled import one_replica
from e2e.kit.served import Stage


@pytest.fixture(scope="module")
def url(stage: Stage) -> str:
    """A way to one replica that stays."""
    return one_replica(stage, "int8")


def profile(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command on the model `digits`."""
    command = ("profile", "--url", url, "--model", "digits", "--seconds", "0.5")
    return trimtab(*command, *arguments)


def test_what_is_measured_is_a_profile_that_the_api_server_takes(stage: Stage, url: str) -> None:
    # All sizes up to the cap of the plan, which is 1 where a quarter of a core is slow.
    done = profile(url, "--accelerator-class", "cpu-quarter", "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    times_ms = [point["latencyMs"]["value"] for point in told["points"]]
    assert times_ms == sorted(times_ms)
    assert times_ms[0] > 0.1
    assert told["capacity"]["requestsPerSecond"] > 10
    assert [load["failed"] for load in told["loads"]] == [0, 0, 0]

    model = stage.digits("int8", scaling={"mode": "Advise"})
    for variant in model["spec"]["variants"]:
        variant["profile"] = told["profile"]
    stage.put(model)


def test_a_replica_that_serves_others_is_refused(stage: Stage, url: str) -> None:
    with stage.load(url, "20s@10") as load:
        wait_for("the load", lambda: load.started_at_s is not None, seconds=20)
        done = profile(url, "--batches", "1")
    assert done.returncode == 1
    assert "other traffic" in done.stderr
