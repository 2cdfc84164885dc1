"""KEDA and the metrics server, as processes on this machine beside the API server.

They are no pods: so the pods that serve have the node to themselves, with either of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from e2e.cluster import binaries, gobuild, pki, processes
from e2e.cluster.cluster import Cluster
from e2e.cluster.component import Component
from e2e.cluster.network import NODE_ADDRESS
from e2e.cluster.pki import Identity
from e2e.cluster.progress import step
from e2e.cluster.specs import Spec
from e2e.cluster.versions import PEER_BINARIES
from e2e.kit.access import Access, listed, wait_for

_NAMESPACE = "kube-system"
_KEDA_MODULE = "github.com/kedacore/keda/v2"
_METRICS, _EXTERNAL = "v1beta1.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"
# Below 10260 are Kubernetes' own.
_METRICS_PORT, _ADAPTER_PORT, _GRPC_PORT = 10261, 10262, 10263
_PROBE_PORT = 10264
# For what nobody here asks: KEDA's metrics of itself.
_OPERATOR_METRICS_PORT, _ADAPTER_METRICS_PORT = 10265, 10266


@contextmanager
def metrics_server(access: Access, cluster: Cluster) -> Iterator[None]:
    """The CPU of pods, for HorizontalPodAutoscalers; while the block runs."""
    binaries.ensure(cluster.paths, PEER_BINARIES[2:])
    ca = cluster.paths.pki / "ca.crt"
    argv = (
        str(cluster.bin("metrics-server")),
        f"--secure-port={_METRICS_PORT}",
        f"--bind-address={NODE_ADDRESS}",
        f"--cert-dir={cluster.paths.data / 'metrics-server'}",
        *_as_admin(cluster, "kubeconfig"),
        f"--kubelet-certificate-authority={ca}",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=15s",
    )
    spec = Spec("metrics-server", argv, probe=f"https://{NODE_ADDRESS}:{_METRICS_PORT}/healthz")
    with _serving(access, cluster, [spec], _METRICS, _METRICS_PORT):
        yield


@contextmanager
def keda(access: Access, cluster: Cluster, namespace: str) -> Iterator[None]:
    """KEDA's operator and its adapter, for ScaledObjects in that namespace; while the block runs.
    Its custom resources go with it."""
    binaries.ensure(cluster.paths, PEER_BINARIES[:2])
    crds = gobuild.module_folder(cluster.paths, "keda", _KEDA_MODULE) / "config" / "crd" / "bases"
    access.kubectl("apply", "--server-side", "-f", str(crds))
    certificates = cluster.paths.data / "keda"
    who = Identity("keda", "keda-operator", hosts=("localhost", "127.0.0.1", NODE_ADDRESS))
    pki.certify(cluster.paths.pki, "ca", who, certificates)
    place = (
        "/usr/bin/env",
        f"KUBECONFIG={cluster.kubeconfig}",
        f"WATCH_NAMESPACE={namespace}",
        f"POD_NAMESPACE={_NAMESPACE}",
        f"KEDA_CLUSTER_OBJECT_NAMESPACE={_NAMESPACE}",
    )
    operator = (
        *(*place, str(cluster.bin("keda-operator")), f"--cert-dir={certificates}"),
        f"--metrics-service-bind-address=127.0.0.1:{_GRPC_PORT}",
        f"--metrics-bind-address=127.0.0.1:{_OPERATOR_METRICS_PORT}",
        f"--health-probe-bind-address=127.0.0.1:{_PROBE_PORT}",
    )
    adapter = (
        *(*place, str(cluster.bin("keda-adapter")), f"--cert-dir={certificates}"),
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        f"--client-ca-file={cluster.paths.pki / 'ca.crt'}",
        *_as_admin(cluster, "lister-kubeconfig"),
        f"--bind-address={NODE_ADDRESS}",
        f"--secure-port={_ADAPTER_PORT}",
        f"--port={_ADAPTER_METRICS_PORT}",
        f"--metrics-service-address=localhost:{_GRPC_PORT}",
    )
    specs = (
        Spec("keda-operator", operator, probe=f"http://127.0.0.1:{_PROBE_PORT}/healthz"),
        Spec("keda-adapter", adapter, probe=f"https://{NODE_ADDRESS}:{_ADAPTER_PORT}/healthz"),
    )
    try:
        with _serving(access, cluster, specs, _EXTERNAL, _ADAPTER_PORT):
            yield
    finally:
        access.kubectl("delete", "--ignore-not-found", "--timeout=60s", "-f", str(crds))


def _as_admin(cluster: Cluster, flag: str) -> tuple[str, ...]:
    names = (flag, "authentication-kubeconfig", "authorization-kubeconfig")
    return tuple(f"--{name}={cluster.kubeconfig}" for name in names)


@contextmanager
def _serving(
    access: Access, cluster: Cluster, specs: Sequence[Spec], api: str, port: int
) -> Iterator[None]:
    """Starts them, and waits until the API server hands an API on to the last of them."""
    objects = listed(_added_api(api, port))
    servers = [Component(spec, cluster.paths) for spec in specs]
    try:
        access.apply(objects)
        with step(f"starting what serves {api}"):
            for server in servers:
                server.start(wait=False)
            _await_available(access, api, servers)
        yield
    finally:
        for server in servers:
            server.stop()
        access.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=objects)


def _await_available(access: Access, api: str, servers: Sequence[Component]) -> None:
    query = ("get", "apiservice", api, "-o")
    available = 'jsonpath={.status.conditions[?(@.type=="Available")].status}'

    def told() -> str:
        said = [processes.last_words(server.log) for server in servers]
        conditions = access.kubectl(*query, "jsonpath={.status.conditions}", check=False)
        return "\n".join([conditions, *said])

    wait_for(
        api,
        lambda: access.kubectl(*query, available, check=False) == "True",
        seconds=90,
        told=told,
    )


def _added_api(api: str, port: int) -> list[dict[str, Any]]:
    """An API of another server: the server's address, and that the API server hands it on."""
    version, _, group = api.partition(".")
    name = group.replace(".", "-")
    meta = {"name": name, "namespace": _NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"port": 443, "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"port": port}],
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": api},
            "spec": {
                "group": group,
                "version": version,
                "service": {"name": name, "namespace": _NAMESPACE, "port": 443},
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                # On this machine alone, and the certificate that it makes for itself.
                "insecureSkipTLSVerify": True,
            },
        },
    ]
