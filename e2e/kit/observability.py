"""The chart's dashboards and rules, as queries that can be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from e2e.kit.access import ROOT
from e2e.kit.promql import parts, relaxed

FILES = ROOT / "charts" / "trimtab" / "files"
RULES = FILES / "rules" / "trimtab.yaml"
WINDOWS = {"__rate_interval": "1m", "__range": "5m"}
"""What Grafana would fill in for a range of five minutes."""
_VALUES_OF = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")


class Query(NamedTuple):
    """A PromQL text, and where it stands."""

    where: str
    promql: str


def panels() -> Iterator[Query]:
    """Every query of every panel, and the series that variables are listed from."""
    for file in sorted((FILES / "dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        for variable in board["templating"]["list"]:
            found = _VALUES_OF.fullmatch(variable.get("definition", ""))
            if found:
                series, label = found["series"], found["label"]
                where = f"{file.name}: ${variable['name']}"
                yield Query(where, f"count by ({label}) ({series})")
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield Query(f"{file.name}: {panel['title']} {target['refId']}", target["expr"])


def rules() -> list[dict[str, Any]]:
    """Every rule, as in the file."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def rule_queries() -> Iterator[Query]:
    """The query of every rule."""
    for rule in rules():
        yield Query(rule.get("alert") or rule["record"], rule["expr"])


def filled(promql: str, variables: Mapping[str, str]) -> str:
    """The query with the dashboard's variables filled in."""
    names = sorted(variables, key=len, reverse=True)  # $a must not take the head of $ab
    for name in names:
        promql = promql.replace(f"${name}", variables[name])
    return promql


def silent(
    queries: Iterable[Query], variables: Mapping[str, str], answers: Callable[[str], bool]
) -> list[str]:
    """The queries that tell nothing, or of which a side cannot, each with what was asked in vain.

    One without a condition must answer as it is. What an alert waits for rightly is not there when
    all is well, so of one with conditions each side must answer: as it is or, where it asks for a
    state that nothing is in, for any value of its labels. `answers` asks, and raises where a query
    is refused.
    """
    found = []
    for query in queries:
        promql = filled(query.promql, variables).strip()
        sides = parts(promql)
        answers(promql)
        for side in sides:
            asked = [side] if sides == [promql] else [side, relaxed(side)]
            if not any(answers(each) for each in asked):
                found.append(f"{query.where}: {side}")
    return found
