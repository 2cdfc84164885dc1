"""A Prometheus that has scraped every pod of a fake cluster, by a clock of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.control.world import FakeKube, World
from trimtab.observe.prometheus import Sample

SERVICE_S = 0.01
_LOOKBACK_S = 300.0
_WINDOW = re.compile(r"\[(\d+)s\]")


class Scraped:
    """Answers the queries of the fleet. `now_s` is its clock, `load` the requests/s at a time."""

    def __init__(self, kube: FakeKube, load: Callable[[float], float], now_s: float) -> None:
        self._kube = kube
        self.load = load
        self.now_s = now_s

    def series(self, promql: str, at_s: float) -> list[Sample]:
        """One row a pod, as of that time: what was not scraped yet is not there."""
        pods = [(ns, name) for kind, ns, name in self._kube.objects if kind == "Pod"]
        value = self._value(promql, at_s, len(pods)) if pods else None
        if value is None:
            return []
        return [
            Sample({"namespace": ns, "pod": name, "model": "digits"}, value, at_s)
            for ns, name in pods
        ]

    def _value(self, promql: str, at_s: float, pods: int) -> float | None:
        newest_s = min(at_s, self.now_s)
        found = _WINDOW.search(promql)
        window_s = float(found[1]) if found else _LOOKBACK_S
        if at_s - newest_s >= window_s or "summary" in promql or "cache" in promql:
            return None
        if "timestamp(" in promql:
            return newest_s
        rate = self.load(newest_s) / pods
        if "compute" in promql:
            return rate * SERVICE_S * 1e6
        if "success" in promql or "inference_count" in promql or "exec_count" in promql:
            return rate
        return 0.0


class ScrapedWorld(World):
    """A world whose one model is under a load that is scraped, by a clock of its own."""

    scraped: Scraped

    @property
    def replicas(self) -> int:
        """What is asked for."""
        return int(self.kube.find_one("Deployment")["spec"]["replicas"])

    async def live(self, ticks: int) -> list[int]:
        """So many ticks of five seconds; what was asked for at each."""
        sizes = []
        for _ in range(ticks):
            self.scraped.now_s += 5.0
            await self.tick()
            self.run_pods()
            sizes.append(self.replicas)
        return sizes
