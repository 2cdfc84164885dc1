"""One autoscaler after the other under the same load, each on a fresh model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal

from e2e.cluster.cluster import Cluster
from e2e.cluster.progress import step
from e2e.demo import play
from e2e.kit.access import Access
from e2e.kit.install import NAMESPACE, Images
from e2e.kit.operator import LABEL
from e2e.kit.served import Stage
from e2e.load.arrivals import Schedule
from e2e.peers.figures import Outcome, outcome
from e2e.peers.objects import Object, plain_hpa, scaled_object
from e2e.peers.servers import keda, metrics_server
from e2e.soak.bursts import text
from trimtab.api.quantities import parse_duration

VARIANT = "int8"
_MOST = 6
"""Replicas: what the budget of the model buys, and so what bounds the others too."""


@dataclass(frozen=True)
class Contender:
    """An autoscaler. serving: what must run for it, given the namespace; made: the object that has
    it scale a Deployment, given namespace, Deployment, most replicas and the SLO in seconds; None
    for trimtab, which needs none."""

    name: str
    serving: Callable[[str], AbstractContextManager[None]]
    made: Callable[[str, str, int, float], Object] | None


def contenders(access: Access, cluster: Cluster, prometheus_url: str) -> dict[str, Contender]:
    """By the names that the command line has for them."""

    def by_keda(namespace: str, deployment: str, most: int, slo_s: float) -> Object:
        return scaled_object(namespace, deployment, most, prometheus_url, slo_s)

    return {
        "trimtab": Contender("trimtab", lambda _: nullcontext(), None),
        "keda": Contender(
            "KEDA, llm-d's ratio rule", lambda ns: keda(access, cluster, ns), by_keda
        ),
        "hpa": Contender(
            "HPA, CPU at 70 %",
            lambda _: metrics_server(access, cluster),
            lambda ns, deployment, most, _: plain_hpa(ns, deployment, most),
        ),
    }


def compete(
    access: Access, images: Images, contender: Contender, schedule: Schedule, seed: int
) -> Outcome:
    """What it made of the load. The model has one variant, so that all choose replicas alone."""
    with Stage(access, images) as stage:
        manifest = stage.digits_as(VARIANT)
        spec = manifest["spec"]
        stage.put(manifest)
        stage.await_condition("Ready", "True", seconds=240)
        slo_s = float(parse_duration(spec["slo"]["latency"]["target"]))
        with _in_charge(access, stage, contender, slo_s):
            budget = Decimal(spec["budget"]["perHour"])
            report, moments = play.told(
                stage, stage.way_in(), text(schedule), seed, 1000 * slo_s, budget
            )
    return outcome(contender.name, report.results, moments, report.started_at_s, schedule, slo_s)


@contextmanager
def _in_charge(access: Access, stage: Stage, contender: Contender, slo_s: float) -> Iterator[None]:
    """trimtab alone, or another on the Deployment that trimtab made and then left."""
    if contender.made is None:
        yield
        return
    (deployment,) = (d["metadata"]["name"] for d in stage.get("deployments")["items"])
    _scale_operator(access, 0)
    # At full and half hours trimtab may just have made room: nobody is to begin with more.
    stage.kubectl("scale", f"deploy/{deployment}", "--replicas=1")
    try:
        with contender.serving(stage.namespace):
            obj = contender.made(stage.namespace, deployment, _MOST, slo_s)
            with step(f"{contender.name} takes the Deployment over"):
                access.apply(json.dumps(obj))
            try:
                yield
            finally:
                stage.kubectl("delete", obj["kind"], obj["metadata"]["name"], "--timeout=60s")
    finally:
        _scale_operator(access, 1)


def _scale_operator(access: Access, replicas: int) -> None:
    inside = ("-n", NAMESPACE)
    access.kubectl(*inside, "scale", "deploy/trimtab", f"--replicas={replicas}")
    if replicas:
        access.kubectl(*inside, "rollout", "status", "deploy/trimtab", "--timeout=90s")
    else:
        access.kubectl(
            *(*inside, "wait", "pod", "-l", LABEL),
            *("--for=delete", "--timeout=60s"),
        )
