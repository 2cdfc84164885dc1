"""What the Prometheus of the cluster says, asked by its HTTP API."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# No proxy: its address is this machine's own, whatever the environment says.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class Series:
    """A series and its value."""

    labels: Mapping[str, str]
    value: float


def ask(prometheus: str, promql: str, at_s: float | None = None) -> list[Series]:
    """An instant query; `prometheus` is the URL, `at_s` epoch seconds (now where there is none)."""
    options = {"query": promql} if at_s is None else {"query": promql, "time": f"{at_s:.3f}"}
    found = _data(f"{prometheus}/api/v1/query?{urllib.parse.urlencode(options)}")["result"]
    return [Series(item["metric"], float(item["value"][1])) for item in found]


@dataclass(frozen=True)
class RangeSeries:
    """A series and its points: epoch seconds and value."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


def ask_range(
    prometheus: str, promql: str, start_s: float, end_s: float, step_s: float
) -> list[RangeSeries]:
    """A range query, in epoch seconds."""
    options = {"query": promql, "start": start_s, "end": end_s, "step": step_s}
    found = _data(f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(options)}")["result"]
    return [
        RangeSeries(item["metric"], [(float(at), float(value)) for at, value in item["values"]])
        for item in found
    ]


def loaded_rules(prometheus: str) -> list[dict[str, Any]]:
    """Its rules, as it has them."""
    groups = _data(f"{prometheus}/api/v1/rules")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _data(url: str) -> dict[str, Any]:
    with _open(url, timeout=5) as said:
        return dict(json.load(said)["data"])
