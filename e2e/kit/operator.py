"""The operator in the cluster: its pods, and what it says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from e2e.kit.access import Access
from e2e.kit.install import NAMESPACE

LABEL = "app.kubernetes.io/name=trimtab"


@dataclass(frozen=True)
class Operator:
    """The pods of the install, by their names where one is meant."""

    access: Access

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not on their way out."""
        return [p for p in self.all_pods() if not p["metadata"].get("deletionTimestamp")]

    def all_pods(self) -> list[dict[str, Any]]:
        """Those on their way out included."""
        return list(self.access.json("pods", "-n", NAMESPACE, "-l", LABEL)["items"])

    def names(self) -> list[str]:
        """Of `pods`."""
        return [p["metadata"]["name"] for p in self.pods()]

    def name(self) -> str:
        """Of the first, which is the only one in most stories."""
        return self.names()[0]

    def exec(self, pod: str, *command: str, check: bool = True) -> str:
        """Runs a command in a pod and returns what it prints."""
        return self.access.kubectl("exec", "-n", NAMESPACE, pod, "--", *command, check=check)

    def resident_mib(self, pod: str) -> float:
        """How large its process is."""
        return int(self.exec(pod, "grep", "VmRSS", "/proc/1/status").split()[1]) / 1024

    def metrics_text(self, pod: str) -> str:
        """Its own series, as a Prometheus is given them."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/metrics"
        return self.access.kubectl("get", "--raw", path)

    def metrics(self, pod: str) -> dict[str, float]:
        """The same by name and labels, as in `name{label="value"}`."""
        return series_of(self.metrics_text(pod))

    def has_ticked_since(self, at_s: float) -> bool:
        """Whether the operator of now has taken a whole decision after `at_s` (epoch seconds)."""
        return self.metrics(self.name())["trimtab_last_tick_timestamp_seconds"] > at_s


def series_of(text: str) -> dict[str, float]:
    """Values of a text in Prometheus' format, by name and labels."""
    lines = re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in lines}
