"""One run: a fleet is made, decided on, left at rest, moved, and met again by a new operator."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.scale import fleet, plane
from bench.scale.figures import (
    Request,
    Span,
    Tick,
    figures_of,
    full_plan_s,
    request_of,
    ticks_of,
    watch_restarts,
)
from bench.scale.plane import Plane, wait_for
from e2e.cluster.progress import say, step
from e2e.cluster.versions import KUBERNETES, KWOK_VERSION, PROMETHEUS
from trimtab.actuate import kinds
from trimtab.actuate.client import KubeClient

_CRDS = Path(__file__).parents[2] / "crds"
_CALM_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be played. Times are seconds."""

    models: int
    nodes: int
    rest_s: float
    move_s: float
    settle_s: float
    profile: bool = False


class Operator:
    """The operator's process, and what is known of it."""

    def __init__(self, where: Plane, name: str, *, profile: bool) -> None:
        self._where = where
        self._name = name
        self._ticks = where.folder / f"{name}.ticks"
        self._ticks.touch()
        config = where.folder / "operator.yaml"
        config.write_text(
            yaml.safe_dump({"prometheus": {"url": f"http://127.0.0.1:{plane.PROMETHEUS}"}})
        )
        argv = [
            *(sys.executable, "-m", "bench.scale.operator"),
            *(f"--config={config}", f"--port={plane.OPERATOR}", f"--ticks={self._ticks}"),
        ]
        if profile:
            argv.append(f"--profile={where.folder / name}.profile")
        self.started_s = time.time()
        self._process = where.run(name, argv, KUBECONFIG=where.kubeconfig(plane.OPERATOR_USER))

    def ticks(self) -> list[Tick]:
        return ticks_of(self._ticks.read_text().splitlines())

    def full_plan_s(self, seconds: float) -> float | None:
        """Waits for the first whole decision; returns the seconds from the start to its end."""

        def decided() -> bool:
            if self._process.poll() is not None:
                said = (self._where.folder / f"{self._name}.log").read_text()[-2000:]
                raise RuntimeError(f"the operator ended: {said}")
            return full_plan_s(self.ticks(), self.started_s) is not None

        wait_for("the first decision", decided, seconds)
        return full_plan_s(self.ticks(), self.started_s)

    def cpu_s(self) -> float:
        """CPU time it has taken until now."""
        return plane.cpu_s(self._process.pid)

    def rss_mib(self, *, most: bool = False) -> float:
        """The memory that it holds; the most that it ever held at once."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        name = "VmHWM:" if most else "VmRSS:"
        line = next(text for text in status.splitlines() if text.startswith(name))
        return int(line.split()[1]) / 1024

    def span(self, seconds: float, *, profile: bool = False) -> Span:
        """Lets it run for so long."""
        if profile:
            self._process.send_signal(signal.SIGUSR1)
        start_s, cpu_s = time.time(), self.cpu_s()
        time.sleep(seconds)
        span = Span(start_s, time.time(), cpu_s, self.cpu_s())
        if profile:
            self._process.send_signal(signal.SIGUSR1)
        return span

    def end(self) -> None:
        self._where.end(self._name)


def play(asked: Asked, folder: Path) -> dict[str, Any]:
    """Plays one run in a folder that is empty; returns its figures."""
    where = Plane(folder)
    try:
        with step("starting the control plane, kwok and Prometheus", "1 min"):
            where.start(asked.models)
        with step(f"making {asked.nodes} nodes and {asked.models} models"):
            where.kubectl("create", "-f", str(_CRDS))
            where.kubectl("wait", "--for=condition=Established", "-f", str(_CRDS))
            asyncio.run(_make(where, asked))
        return _measure(where, asked)
    finally:
        where.stop()


def _measure(where: Plane, asked: Asked) -> dict[str, Any]:
    first = Operator(where, "operator", profile=asked.profile)
    with step("the first plan of the whole fleet"):
        cold_s = first.full_plan_s(600.0 + asked.models)
    with step("waiting for the fleet to come to rest"):
        settled = _settled(where, asked.settle_s)
    pods = asyncio.run(_count_pods(where))
    with step(f"at rest, {asked.rest_s:.0f} s"):
        rest = first.span(asked.rest_s, profile=asked.profile)
    rest_mib = first.rss_mib()
    plane.ask(f"http://127.0.0.1:{plane.EXPORTER}/move")
    with step(f"with moving loads, {asked.move_s:.0f} s"):
        move = first.span(asked.move_s)
    most_mib, ticks = first.rss_mib(most=True), first.ticks()
    others = where.shares()
    first.end()
    requests = list(_requests(where))
    restarts = watch_restarts(requests)
    plane.ask(f"http://127.0.0.1:{plane.EXPORTER}/rest")
    again = Operator(where, "operator-again", profile=False)
    with step("a new operator's first plan"):
        again_s = again.full_plan_s(600.0)
    again_mib = again.rss_mib(most=True)
    again.end()
    at_rest, moving = figures_of(rest, ticks, requests), figures_of(move, ticks, requests)
    return {
        "models": asked.models,
        "variants": 5,
        "nodes": asked.nodes,
        "pods": pods,
        "tick_seconds_p50": moving["tick_seconds_p50"],
        "tick_seconds_p99": moving["tick_seconds_p99"],
        "rss_mib": round(max(most_mib, again_mib), 1),
        "rss_mib_at_rest": round(rest_mib, 1),
        "rss_mib_of_a_new_operator": round(again_mib, 1),
        "cold_start_to_full_plan_seconds": _rounded(cold_s),
        "restart_to_full_plan_seconds": _rounded(again_s),
        "settled": settled,
        "watch_restarts": restarts,
        "at_rest": at_rest,
        "moving": moving,
        "cpu_seconds_of_others": others,
        "kwok": KWOK_VERSION,
        "kubernetes": KUBERNETES,
        "prometheus": PROMETHEUS,
        "cpus": os.cpu_count(),
    }


def _settled(where: Plane, seconds: float) -> bool:
    """Waits until the operator has written nothing for a minute, at most so long."""

    def calm() -> bool:
        last_s = max((r.at_s for r in _requests(where) if r.writes), default=0.0)
        return time.time() - last_s >= _CALM_S

    try:
        wait_for("rest", calm, seconds, period_s=5.0)
    except TimeoutError:
        say("it does not come to rest; the figures at rest are with writes")
        return False
    return True


def _requests(where: Plane) -> Iterable[Request]:
    with where.audit.open() as lines:
        for line in lines:
            if line.endswith("\n") and (request := request_of(line)) is not None:
                yield request


async def _make(where: Plane, asked: Asked) -> None:
    models = fleet.models(asked.models)
    async with await _connected(where) as kube:
        for batch in (
            fleet.namespaces(models),
            list(fleet.nodes(asked.nodes)),
            fleet.shared(models),
            [fleet.model_deployment(m) for m in models],
        ):
            await asyncio.gather(*(kube.create(obj) for obj in batch))


async def _count_pods(where: Plane) -> int:
    async with await _connected(where) as kube:
        pods, _ = await kube.list(kinds.POD)
        return len(pods)


async def _connected(where: Plane) -> KubeClient:
    return await KubeClient.connect(where.kubeconfig(plane.ADMIN_USER), timeout_s=120.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
