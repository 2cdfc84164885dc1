"""Every query of the chart's dashboards and rules tells something of a model that serves, and
Prometheus' own tool agrees with the rules.

On the embedded cluster alone, whose Prometheus is reached from here and loads the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest

from e2e.cluster import binaries
from e2e.cluster.shell import run
from e2e.cluster.versions import PROMTOOL
from e2e.kit.access import ROOT, Access, wait_for
from e2e.kit.install import Images, install_prometheus
from e2e.kit.observability import RULES, WINDOWS, Query, panels, rule_queries, rules, silent
from e2e.kit.prometheus import ask, loaded_rules
from e2e.kit.served import Stage

RULE_TESTS = ROOT / "tests" / "observability" / "rules.test.yaml"
PATIENCE_S = 60.0  # two scrapes, an evaluation, and what the machine is late with


@dataclass(frozen=True)
class Watched:
    """A Prometheus, and the namespace of a model under a light load that it watches."""

    prometheus: str
    namespace: str

    def answers(self, promql: str) -> bool:
        """Whether there is anything; AssertionError with Prometheus' words where it is refused."""
        try:
            return bool(ask(self.prometheus, promql))
        except HTTPError as error:
            raise AssertionError(f"{promql}\n{error.read().decode()}") from None


@pytest.fixture(scope="module")
def watched(access: Access, images: Images, stage: Stage) -> Iterator[Watched]:
    if access.embedded is None:
        pytest.skip("the Prometheus of another cluster is not reached from here")
    budget = {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "InferenceBudget",
        "metadata": {"name": "team", "namespace": stage.namespace},
        "spec": {"perHour": "1.00"},
    }
    one = {"minReplicas": 1, "maxReplicas": 1}
    stage.put(budget)
    stage.put(stage.digits(scaling=one, budgetRef={"name": "team"}))
    stage.await_condition("Ready", "True", seconds=240)
    with stage.load(stage.way_in(), "240s@10"):
        stage.await_condition("SLOMet", "True", seconds=60)
        yield Watched(install_prometheus(access, images), stage.namespace)


def assert_telling(watched: Watched, queries: Iterable[Query]) -> None:
    """Waits until every one tells something; names those that do not."""
    left, found = list(queries), [""]
    names = {"namespace": watched.namespace, "modeldeployment": "digits"}

    def answered() -> bool:
        found[:] = silent(left, {**WINDOWS, **names}, watched.answers)
        return not found

    wait_for(
        "an answer to every query",
        answered,
        seconds=PATIENCE_S,
        period_s=2.0,
        told=lambda: "\n".join(found),
    )


def test_every_panel_has_something_to_show(watched: Watched) -> None:
    assert_telling(watched, panels())


def test_every_rule_has_something_to_go_by(watched: Watched) -> None:
    assert_telling(watched, rule_queries())


def test_prometheus_evaluates_every_rule_and_nobody_is_woken(watched: Watched) -> None:
    loaded = loaded_rules(watched.prometheus)
    named = {rule.get("alert") or rule["record"] for rule in rules()}
    assert {rule["name"] for rule in loaded} == named
    wait_for(
        "every rule to be evaluated",
        lambda: all(rule["health"] == "ok" for rule in loaded_rules(watched.prometheus)),
        seconds=15,
    )
    ours = f'ALERTS{{namespace="{watched.namespace}", alertstate="firing"}}'
    assert [series.labels for series in ask(watched.prometheus, ours)] == []


@pytest.fixture(scope="module")
def promtool(access: Access) -> Path:
    if access.embedded is None:
        pytest.skip("promtool is built beside the embedded cluster")
    binaries.ensure(access.embedded.paths, [PROMTOOL])
    return access.embedded.bin("promtool")


def test_promtool_finds_nothing_wrong_with_the_rules(promtool: Path) -> None:
    done = run([promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES], check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_do_in_promtool_what_their_tests_say(promtool: Path) -> None:
    done = run([promtool, "test", "rules", RULE_TESTS], check=False)
    assert done.returncode == 0, done.stdout + done.stderr
