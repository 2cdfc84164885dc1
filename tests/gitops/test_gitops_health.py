"""What Argo CD and Flux make of a ModelDeployment at each turn of its life.

TRIMTAB_GOLDEN=write renews the test data of the Argo CD health check.
"""

from __future__ import annotations

import os

import pytest
import yaml

from tests.gitops.argocd import CHECK, Case, Health, cases, health_of
from tests.gitops.flux import by_expressions, by_kstatus
from tests.gitops.life import TURNS, at

# What Flux says where Argo CD says this. Of a model that is not to serve Flux has no word.
FLUX = {
    "Healthy": "Current",
    "Suspended": "Current",
    "Progressing": "InProgress",
    "Degraded": "Failed",
}
STATUS = {
    "not-seen-yet": "Progressing",
    "created": "Progressing",
    "starting": "Progressing",
    "serving": "Healthy",
    "changed": "Progressing",
    "scaling": "Progressing",
    "image-changed": "Progressing",
    "scaled": "Healthy",
    "late": "Healthy",
    "without-metrics": "Healthy",
    "pods-waiting": "Degraded",
    "rollout-that-does-not-end": "Degraded",
    "no-price": "Degraded",
    "invalid-spec": "Degraded",
    "invalid-from-the-start": "Degraded",
    "refused": "Degraded",
    "class-missing": "Degraded",
    "advised": "Suspended",
    "manual": "Healthy",
    "manual-none": "Suspended",
}


@pytest.mark.parametrize("turn", TURNS)
async def test_argo_cd_shows_what_is_so(turn: str) -> None:
    assert health_of(await at(turn)).status == STATUS[turn]


async def test_what_stands_in_the_way_is_in_the_message() -> None:
    assert "percentile is 101" in health_of(await at("invalid-spec")).message
    assert "ImagePullBackOff" in health_of(await at("pods-waiting")).message
    assert "set spec.pricePerHour" in health_of(await at("no-price")).message
    assert "raise it to serve" in health_of(await at("manual-none")).message


async def test_a_promise_that_the_load_breaks_degrades_no_sync_and_is_told() -> None:
    health = health_of(await at("late"))
    said = "Pods are Ready and answer requests. SLOMet=False (LatencyAboveTarget)"
    assert health == Health("Healthy", said)


async def test_an_object_that_goes_is_on_its_way() -> None:
    going = await at("serving")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert health_of(going) == Health("Progressing", "Pending deletion")


@pytest.mark.parametrize("turn", TURNS)
async def test_the_expressions_for_flux_say_the_same(turn: str) -> None:
    # Flux asks again of what has no status yet.
    expected = "Unknown" if turn == "not-seen-yet" else FLUX[STATUS[turn]]
    assert by_expressions(await at(turn)) == expected


# Where kstatus alone says less; docs/gitops.md tells of it.
KSTATUS = {
    "not-seen-yet": "Current",  # of what has neither status nor conditions it thinks well
    "pods-waiting": "InProgress",
    "rollout-that-does-not-end": "InProgress",
    "no-price": "InProgress",
    "advised": "InProgress",
    "manual-none": "InProgress",
}


@pytest.mark.parametrize("turn", TURNS)
async def test_kstatus_reads_the_conditions_as_they_are(turn: str) -> None:
    assert by_kstatus(await at(turn)) == KSTATUS.get(turn, FLUX[STATUS[turn]])


@pytest.mark.parametrize("turn", [t for t in TURNS if t != "not-seen-yet"])
async def test_every_status_keeps_the_rules_of_kstatus(turn: str) -> None:
    status = (await at(turn))["status"]
    told = {c["type"]: c for c in status["conditions"]}
    assert len(told) == len(status["conditions"]), "one condition of a type"
    assert "Ready" in told, "or who reads Ready alone takes it for ready"
    assert all(c["observedGeneration"] == status["observedGeneration"] for c in told.values())
    assert all(c["reason"].isalpha() and c["message"] for c in told.values())
    moving = told.get("Reconciling", {"status": "False"})["status"]
    assert (moving, told["Stalled"]["status"]) != ("True", "True"), "nothing both moves and stalls"


# -- the files that argo-cd's own tests would read -------------------------------------------------


async def test_the_test_data_is_what_trimtab_writes() -> None:
    shown = {turn: await at(turn) for turn in TURNS}
    if os.environ.get("TRIMTAB_GOLDEN") == "write":
        _write({turn: yaml.safe_dump(obj, sort_keys=False) for turn, obj in shown.items()})
    for turn, obj in shown.items():
        assert yaml.safe_load((CHECK / f"testdata/{turn}.yaml").read_text()) == obj
    assert {c.input.stem for c in cases()} == TURNS.keys()
    assert {p.stem for p in CHECK.glob("testdata/*.yaml")} == TURNS.keys()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.input.stem)
def test_the_health_check_says_of_its_test_data_what_is_written(case: Case) -> None:
    assert health_of(yaml.safe_load(case.input.read_text())) == case.expected


def _write(texts: dict[str, str]) -> None:
    (CHECK / "testdata").mkdir(exist_ok=True)
    tests = []
    for turn, text in texts.items():
        (CHECK / f"testdata/{turn}.yaml").write_text(text)
        health = health_of(yaml.safe_load(text))._asdict()
        tests.append({"healthStatus": health, "inputPath": f"testdata/{turn}.yaml"})
    written = yaml.safe_dump({"tests": tests}, sort_keys=False, width=1000)
    (CHECK / "health_test.yaml").write_text(written)
