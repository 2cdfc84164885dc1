"""Envoy Gateway in the embedded cluster, and one Gateway that takes the routes of every namespace.

Everything is made here: the programs from Go modules, Envoy from its wheel, the chart and the
custom resources from the module that Envoy Gateway is built of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import dns, gobuild
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError
from e2e.cluster.images import COREDNS, ENVOY, ENVOY_GATEWAY
from e2e.cluster.network import DNS_SERVICE_ADDRESS
from e2e.cluster.paths import PACKAGE
from e2e.cluster.progress import step
from e2e.cluster.shell import run

NAMESPACE = "trimtab-gateway"
NAME = "e2e"
PORT = 80
# Where Envoy Gateway runs, and every Envoy that it makes.
SYSTEM = "envoy-gateway-system"
SLO_MS = 150  # the latency that the demo's model promises
_RELEASE = "eg"
_MODULE = "github.com/envoyproxy/gateway"
_CONDITIONS = (
    'jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}'
)
_GROUPS = (".gateway.networking.k8s.io", ".gateway.envoyproxy.io", ".gateway.networking.x-k8s.io")
# Bounds of the histogram as parts of the promise: close together around it, wide apart far off.
_PARTS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)


def buckets_ms(slo_ms: int) -> tuple[int, ...]:
    """Buckets of the latency histogram as Envoy is told them, ascending; one ends at the promise.

    Envoy notes whole milliseconds and keeps two digits of them, and a bucket holds the whole step
    at its label: 149 counts what took less than 150 ms, but 150 what took less than 160 ms.
    """
    if slo_ms < 2 or _two_digits(slo_ms) != slo_ms:
        raise ClusterError(
            f"slo_ms is {slo_ms}; give at least 2, and two digits before the zeros: "
            "Envoy tells 150 from 160, but not from 155"
        )
    return tuple(sorted({max(1, _two_digits(slo_ms * part) - 1) for part in _PARTS}))


def _two_digits(value_ms: float) -> int:
    """A whole number near it that has no more than two digits before its zeros."""
    step = 1
    while value_ms / step >= 99.5:
        step *= 10
    return round(value_ms / step) * step


def manifest(slo_ms: int) -> str:
    """The Gateway, its class, and how its Envoy is to be."""
    text = (PACKAGE / "manifests" / "gateway.yaml").read_text()
    text = text.replace("${BUCKETS}", str(list(buckets_ms(slo_ms))))
    return text.replace("${IMAGE}", ENVOY).replace("${DNS}", DNS_SERVICE_ADDRESS)


def chart_values(template: str) -> dict[str, Any]:
    """The chart's own values, which the module holds as a template, with what is ours in them."""
    text = template.replace("${GatewayImage}", ENVOY_GATEWAY)
    text = text.replace("${GatewayImagePullPolicy}", "IfNotPresent")
    if "${" in text:
        raise ClusterError(f"the values of {_MODULE} hold a variable that nothing here sets")
    values: dict[str, Any] = yaml.safe_load(text)
    # Zones are of no use on one node, and their webhook is one thing more to wait for.
    values["topologyInjector"]["enabled"] = False
    # What nobody else needs while stories run, the scheduler should not keep from models.
    values["deployment"]["envoyGateway"]["resources"]["requests"] = {"cpu": "10m", "memory": "64Mi"}
    values["config"]["envoyGateway"]["provider"]["kubernetes"] = {
        "shutdownManager": {"image": ENVOY_GATEWAY},
        "leaderElection": {"disable": True},
    }
    return values


def apply_gateway(cluster: Cluster, slo_ms: int = SLO_MS) -> str:
    """Bring it up, or see that it is up; return its URL, which holds on this machine and in pods.

    slo_ms: a bucket of the latency histogram ends exactly there; another than before rolls Envoy.
    """
    cluster.load_images((COREDNS, ENVOY, ENVOY_GATEWAY))
    dns.apply_dns(cluster)
    if not _runs(cluster):
        _install(cluster)
    with step("starting the Gateway", "15 s"):
        cluster.kubectl(
            *("apply", "--server-side", "--force-conflicts", "-f", "-"), stdin=manifest(slo_ms)
        )
        return _await_programmed(cluster)


def remove_gateway(cluster: Cluster) -> None:
    """Remove all of it: Gateway, Envoy, Envoy Gateway, their custom resources, and the DNS."""
    with step("removing the Gateway", "20 s"):
        # While Envoy Gateway runs: it holds the class for as long as a Gateway is of it.
        if _resources(cluster):
            for kind, *where in (
                ("gateway", NAME, f"--namespace={NAMESPACE}"),
                ("gatewayclass", "trimtab-e2e"),
            ):
                cluster.kubectl("delete", "--ignore-not-found", "--timeout=60s", kind, *where)
        _helm(cluster, "uninstall", _RELEASE, "--wait", "--ignore-not-found")
        cluster.kubectl("delete", "--ignore-not-found", "namespace", NAMESPACE, SYSTEM)
        if names := _resources(cluster):
            cluster.kubectl("delete", "--ignore-not-found", *names)
        dns.remove_dns(cluster)


def _runs(cluster: Cluster) -> bool:
    told = cluster.kubectl(
        *(f"--namespace={SYSTEM}", "get", "deployment", "envoy-gateway", "--ignore-not-found"),
        *("-o", "jsonpath={.spec.template.spec.containers[0].image} {.status.availableReplicas}"),
    )
    return told == f"{ENVOY_GATEWAY} 1"


def _install(cluster: Cluster) -> None:
    folder = gobuild.module_folder(cluster.paths, "gateway", _MODULE)
    chart = folder / "charts" / "gateway-helm"
    values = chart_values((chart / "values.tmpl.yaml").read_text())
    with step("installing Envoy Gateway", "25 s"):
        # One that was cut short would refuse every further try.
        _helm(cluster, "uninstall", _RELEASE, "--wait", "--ignore-not-found")
        try:
            _helm(
                cluster,
                *("upgrade", "--install", _RELEASE, chart, "--create-namespace"),
                *("--values=-", "--wait", "--timeout=300s"),
                stdin=yaml.safe_dump(values),
            )
        except ClusterError as error:
            raise ClusterError(f"{error}\n{_words(cluster)}") from None


def _helm(cluster: Cluster, *argv: str | Path, stdin: str | None = None) -> None:
    where = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={SYSTEM}")
    run([cluster.bin("helm"), *argv, *where], stdin=stdin)


def _await_programmed(cluster: Cluster) -> str:
    inside = f"--namespace={NAMESPACE}"
    told = cluster.kubectl(
        *(inside, "wait", f"gateway/{NAME}", "--for=condition=Programmed", "--timeout=90s"),
        check=False,
    )
    if "condition met" not in told:
        conditions = cluster.kubectl(inside, "get", "gateway", NAME, "-o", _CONDITIONS, check=False)
        raise ClusterError(
            f"the Gateway does not become Programmed:\n{conditions}{_words(cluster)}"
        )
    address = cluster.kubectl(
        inside, "get", "gateway", NAME, "-o", "jsonpath={.status.addresses[0].value}"
    )
    return f"http://{address}:{PORT}"


def _words(cluster: Cluster) -> str:
    """The pods of Envoy Gateway, and the last that they said."""
    inside = f"--namespace={SYSTEM}"
    pods = cluster.kubectl(inside, "get", "pods", "-o", "wide", check=False)
    said = [
        cluster.kubectl(
            *(inside, "logs", "--selector", selector, "--all-containers", "--tail=8"), check=False
        )
        for selector in ("control-plane=envoy-gateway", "app.kubernetes.io/component=proxy")
    ]
    return pods + "".join(said)


def _resources(cluster: Cluster) -> list[str]:
    """The custom resource definitions of Gateway API and of Envoy Gateway."""
    names = cluster.kubectl("get", "customresourcedefinitions", "-o", "name").split()
    return [name for name in names if name.endswith(_GROUPS)]
