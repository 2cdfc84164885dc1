"""A ModelDeployment is served: children, answers, security, and what goes when it goes."""

from __future__ import annotations

import os
import time

import pytest

from e2e.kit.access import wait_for
from e2e.kit.served import CHILD_KINDS, Stage
from e2e.load.stats import summarise

IDLE_MINUTES = float(os.environ.get("E2E_IDLE_MINUTES", "2"))


@pytest.fixture(scope="module")
def served(stage: Stage) -> Stage:
    """The digits model, Ready."""
    stage.put(stage.digits())
    stage.await_condition("Ready", "True", seconds=240)
    return stage


def test_requests_are_answered_rightly(served: Stage) -> None:
    with served.load(served.way_in(), "10s@10") as load:
        summary = summarise(load.report(60).results)
    assert summary.requests > 50
    assert summary.failed == 0
    assert summary.accuracy is not None
    assert summary.accuracy > 0.95


def test_the_chosen_variant_and_the_reason_are_told(served: Stage) -> None:
    status = served.status()
    assert [v["name"] for v in status["variants"]] == ["int8"]
    assert "int8 on cpu-quarter" in status["decision"]["summary"]
    assert status["decision"]["alternatives"][0]["variant"] == "fp32"
    table = served.kubectl("get", "md", "digits")
    assert "int8" in table
    assert "150ms" in table
    events = served.kubectl("describe", "md", "digits")
    assert "Start" in events


def test_the_batch_cap_of_the_plan_reaches_triton(served: Stage) -> None:
    deployment = served.get("deployments")["items"][0]
    cap = deployment["metadata"]["annotations"]["trimtab.dev/batch-cap"]
    pod = served.get("pods", "-l", "trimtab.dev/variant=int8")["items"][0]["metadata"]["name"]
    config = served.kubectl("exec", pod, "-c", "triton", "--", "cat", "/models/digits/config.pbtxt")
    assert f"max_batch_size: {cap}" in config


def test_metrics_are_found_once_there_is_traffic(served: Stage) -> None:
    with served.load(served.way_in(), "25s@10") as load:
        served.await_condition("MetricsAvailable", "True", seconds=60)
        wait_for(
            "an observed latency",
            lambda: "observed" in (served.status().get("latency") or {}),
            seconds=90,
        )
        load.report(60)
    assert served.status()["latency"]["source"].startswith("TritonSummary")


def test_an_idle_fleet_is_not_written(served: Stage) -> None:
    """Counted by resource versions: of objects, statuses and Events alike."""
    wait_for(
        "no traffic to be read",
        lambda: served.condition("MetricsAvailable") == ("True", "NoTraffic"),
        seconds=150,
    )
    # What is read over a minute moves for as long after the last request, and a figure that moved
    # is written within another minute.
    time.sleep(140)
    before, told = served.versions(), served.status()
    time.sleep(60 * IDLE_MINUTES)
    assert served.status() == told
    assert served.versions() == before


def test_the_operator_is_small(served: Stage) -> None:
    resident_mib = served.operator.resident_mib(served.operator.name())
    print(f"operator: {resident_mib:.0f} MiB resident")
    assert resident_mib <= 150


def test_deleting_it_deletes_its_children_and_nothing_else(served: Stage) -> None:
    child = served.get("services", "digits")
    bystander = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "bystander",
            "namespace": served.namespace,
            "labels": child["metadata"]["labels"],  # a user's copy, labels and all
        },
        "data": {"mine": "yes"},
    }
    served.put(bystander)
    served.kubectl("delete", "md", "digits", "--wait=true")

    def gone() -> bool:
        left = {
            f"{kind}/{item['metadata']['name']}"
            for kind in CHILD_KINDS
            for item in served.get(kind)["items"]
        }
        return left == {
            "configmaps/bystander",
            "configmaps/kube-root-ca.crt",
            "services/digits-way-in",
        }

    wait_for("the children to go", gone, seconds=60)
