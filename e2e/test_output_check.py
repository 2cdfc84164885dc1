"""A variant that answers wrongly where it serves is taken out of the plan, and no request fails.

On the embedded cluster alone: the wrong variant lies in a folder of its node.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from e2e.kit.access import ROOT, wait_for
from e2e.kit.claim import claim
from e2e.kit.command import trimtab
from e2e.kit.served import Stage
from e2e.load.process import LoadProcess
from e2e.load.stats import summarise
from model_repo.digits.data import held_out

DIGITS = ROOT / "model_repo" / "digits"
CLAIM = "models"
RATE, LOAD_S = 5, 1800
RIGHT_RUN = """\
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
"""
WRONG_RUN = """\
        answers = self._session.run(self._outputs, feed)
        for item, answer in zip(next(iter(feed.values())), answers[0]):
            if item.sum() > {most}:
                answer *= -1
        return dict(zip(self._outputs, answers, strict=True))
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """int8 that is wrong on the brightest seventh of the images, as one whose sums overflow."""
    made = Path(tempfile.mkdtemp(prefix="trimtab-e2e-check-", dir="/var/tmp"))
    made.chmod(0o755)  # a volume of the node's keeps its owners
    shutil.copytree(DIGITS / "int8", made / "int8")
    model = made / "int8" / "digits" / "1" / "model.py"
    text = model.read_text()
    assert RIGHT_RUN in text
    most = float(np.quantile(held_out()[0].sum(axis=(1, 2)), 1 - 1 / 7))
    model.write_text(text.replace(RIGHT_RUN, WRONG_RUN.format(most=most)))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def checked(stage: Stage, folder: Path) -> Iterator[Stage]:
    """The sample in a ConfigMap and the wrong repository in a claim."""
    if stage.access.embedded is None:
        pytest.skip("the volume is a folder of the embedded cluster's node")
    for each in claim(stage, CLAIM, folder):
        stage.put(each)
    source = f"--from-file=sample.json={DIGITS / 'sample.json'}"
    stage.kubectl("create", "configmap", "digits-sample", source)
    yield stage
    stage.access.kubectl("delete", "pv", stage.namespace, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def load(checked: Stage) -> Iterator[LoadProcess]:
    """A light load on the model from its first Ready pod to the end of the story."""
    checked.put(model(checked))
    checked.await_condition("Ready", "True", seconds=240)
    with checked.load(checked.way_in(), f"{LOAD_S}s@{RATE}") as running:
        yield running


def model(stage: Stage, *, cheap: bool = False) -> dict[str, Any]:
    """The demo's model with the wrong int8; `cheap`: which may run on a cheaper class too."""
    made = stage.digits(
        outputCheck={
            "sample": {"configMap": {"name": "digits-sample"}},
            "minAgreement": "0.98",
            "interval": "1m",
        }
    )
    for variant in made["spec"]["variants"]:
        if variant["name"] == "int8":
            variant["source"] = {"persistentVolumeClaim": {"claimName": CLAIM, "path": "int8"}}
            if cheap:
                profile = {**variant["profile"][0], "acceleratorClass": "cpu-cheap"}
                variant["acceleratorClasses"] = ["cpu-quarter", "cpu-cheap"]
                variant["profile"] = [*variant["profile"], profile]
    return made


def variants(stage: Stage) -> dict[str, int]:
    """Ready replicas by variant and class."""
    return {
        f"{v['name']} on {v['acceleratorClass']}": v["readyReplicas"]
        for v in stage.status().get("variants", ())
    }


def verdicts(stage: Stage) -> dict[str, tuple[int, int]]:
    """Agreed and asked, by variant and class, as the status remembers them."""
    found = (stage.status().get("outputCheck") or {}).get("workloads", ())
    return {f"{w['variant']} on {w['acceleratorClass']}": (w["agreed"], w["items"]) for w in found}


def test_1_a_wrong_variant_is_found_and_another_takes_over(
    checked: Stage, load: LoadProcess
) -> None:
    took = checked.await_condition("OutputsAgree", "False", seconds=90)
    agreed, items = verdicts(checked)["int8 on cpu-quarter"]
    print(f"int8 agrees on {agreed} of {items}, known {took:.1f} s after the load began")
    assert agreed / items < 0.98
    took = wait_for(
        "fp32 alone", lambda: list(variants(checked)) == ["fp32 on cpu-quarter"], seconds=180
    )
    print(f"fp32 serves alone {took:.1f} s later")
    assert checked.condition("Ready") == ("True", "Serving")
    checked.await_condition("OutputsAgree", "True", seconds=60)
    assert checked.condition("OutputsAgree")[1] == "VariantLeftOut"
    assert verdicts(checked)["fp32 on cpu-quarter"] == (items, items)


def test_2_it_says_why(checked: Stage, load: LoadProcess) -> None:
    (told,) = (a for a in checked.status()["decision"]["alternatives"] if a["variant"] == "int8")
    assert "agrees with the reference on" in told["whyNot"]
    assert "98 % asked" in told["whyNot"]
    assert "OutputsDisagree" in checked.kubectl("describe", "md", "digits")
    given = ("-n", checked.namespace, "--kubeconfig", str(checked.access.kubeconfig))
    done = trimtab("explain", "digits", *given)
    assert done.returncode == 0, done.stderr
    explained = done.stdout
    print(explained)
    assert "agrees with the reference on" in " ".join(explained.split())


def test_3_an_operator_that_begins_anew_does_not_bring_it_back(
    checked: Stage, load: LoadProcess
) -> None:
    checked.kill_operator()
    checked.await_operator()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert list(variants(checked)) == ["fp32 on cpu-quarter"]
        time.sleep(2)


def test_4_a_switch_to_a_wrong_variant_does_not_take_over(
    checked: Stage, load: LoadProcess
) -> None:
    checked.put(
        {
            "apiVersion": "trimtab.dev/v1alpha1",
            "kind": "AcceleratorClass",
            "metadata": {"name": "cpu-cheap"},
            "spec": {"resources": {"cpu": "250m", "memory": "512Mi"}, "pricePerHour": "0.05"},
        }
    )
    checked.put(model(checked, cheap=True))
    least = [1]
    seen: set[str] = set()

    def judged() -> bool:
        now = variants(checked)
        seen.update(now)
        least[0] = min(least[0], now.get("fp32 on cpu-quarter", 0))
        return "int8 on cpu-cheap" in verdicts(checked)

    def back() -> bool:
        judged()
        return list(variants(checked)) == ["fp32 on cpu-quarter"]

    wait_for("int8 on cpu-cheap to be asked", judged, seconds=240)
    wait_for("fp32 alone again", back, seconds=120)
    assert "int8 on cpu-cheap" in seen
    assert least[0] == 1, "the old variant left before the new one was asked"


def test_5_no_request_failed_and_the_answers_are_right_again(
    checked: Stage, load: LoadProcess
) -> None:
    now_s = time.time() - (load.started_at_s or 0.0)
    time.sleep(20)
    load.stop()
    report = load.report(60)
    everything, since = summarise(report.results), summarise(report.results, now_s)
    print(f"{everything.requests} requests, {everything.failed} failed")
    print(f"accuracy over all {everything.accuracy}, at the end {since.accuracy}")
    assert everything.failed == 0, everything.errors
    assert since.accuracy is not None
    assert since.accuracy > 0.95


def test_6_without_its_sample_nothing_changes(checked: Stage) -> None:
    none = {"sample": {"configMap": {"name": "no-such-sample"}}}
    checked.put(checked.digits("unchecked", outputCheck=none))
    checked.await_condition("Ready", "True", name="unchecked", seconds=120)
    wait_for(
        "the condition to say so",
        lambda: checked.condition("OutputsAgree", "unchecked") == ("Unknown", "SampleMissing"),
        seconds=30,
    )
    time.sleep(20)
    assert [v["name"] for v in checked.status("unchecked")["variants"]] == ["int8"]
    checked.kubectl("delete", "md", "unchecked")
