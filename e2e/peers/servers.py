"""KEDA and the metrics server, as processes on this machine beside the API server.

They are no pods: so the pods that serve have the node to themselves, with either of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from e2e.cluster import binaries, cgroups, gobuild, pki, processes
from e2e.cluster.cluster import Cluster
from e2e.cluster.network import NODE_ADDRESS
from e2e.cluster.pki import Identity
from e2e.cluster.progress import step
from e2e.cluster.versions import PEER_BINARIES
from e2e.kit.access import Access, listed, wait_for

_NAMESPACE = "kube-system"
_KEDA_MODULE = "github.com/kedacore/keda/v2"
_METRICS, _EXTERNAL = "v1beta1.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"
_METRICS_PORT, _ADAPTER_PORT, _GRPC_PORT = 10251, 10252, 10253
# Ports for what nobody here asks: metrics and probes of KEDA's own.
_UNASKED = {"operator": (10254, 10255), "adapter": (10256,)}


class Server:
    """One process on this machine; `end` ends it."""

    def __init__(self, cluster: Cluster, name: str, argv: Sequence[str]) -> None:
        self.log = cluster.paths.logs / f"{name}.log"
        self._record = processes.start(
            name,
            ("/usr/bin/env", *argv),
            log=self.log,
            records=cluster.paths.records,
            cgroup=cgroups.create(),
        )

    def end(self) -> None:
        processes.end(self._record)


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
    with _serving(access, [Server(cluster, "metrics-server", argv)], _METRICS, _METRICS_PORT):
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
        f"KUBECONFIG={cluster.kubeconfig}",
        f"WATCH_NAMESPACE={namespace}",
        f"POD_NAMESPACE={_NAMESPACE}",
        f"KEDA_CLUSTER_OBJECT_NAMESPACE={_NAMESPACE}",
    )
    metrics, probes = _UNASKED["operator"]
    operator = (
        *(*place, str(cluster.bin("keda-operator")), f"--cert-dir={certificates}"),
        f"--metrics-service-bind-address=127.0.0.1:{_GRPC_PORT}",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--health-probe-bind-address=127.0.0.1:{probes}",
    )
    adapter = (
        *(*place, str(cluster.bin("keda-adapter")), f"--cert-dir={certificates}"),
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        f"--client-ca-file={cluster.paths.pki / 'ca.crt'}",
        *_as_admin(cluster, "lister-kubeconfig"),
        f"--bind-address={NODE_ADDRESS}",
        f"--secure-port={_ADAPTER_PORT}",
        f"--port={_UNASKED['adapter'][0]}",
        f"--metrics-service-address=localhost:{_GRPC_PORT}",
    )
    servers = [Server(cluster, "keda-operator", operator), Server(cluster, "keda-adapter", adapter)]
    try:
        with _serving(access, servers, _EXTERNAL, _ADAPTER_PORT):
            yield
    finally:
        access.kubectl("delete", "--ignore-not-found", "--timeout=60s", "-f", str(crds))


def _as_admin(cluster: Cluster, flag: str) -> tuple[str, ...]:
    names = (flag, "authentication-kubeconfig", "authorization-kubeconfig")
    return tuple(f"--{name}={cluster.kubeconfig}" for name in names)


@contextmanager
def _serving(access: Access, servers: Sequence[Server], api: str, port: int) -> Iterator[None]:
    """Waits until the API server hands an API on to the last of the servers."""
    objects = listed(_added_api(api, port))
    try:
        access.apply(objects)
        with step(f"starting what serves {api}"):
            _await_available(access, api, servers)
        yield
    finally:
        for server in servers:
            server.end()
        access.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=objects)


def _await_available(access: Access, api: str, servers: Sequence[Server]) -> None:
    query = ("get", "apiservice", api, "-o")
    available = 'jsonpath={.status.conditions[?(@.type=="Available")].status}'
    try:
        wait_for(api, lambda: access.kubectl(*query, available, check=False) == "True", seconds=90)
    except TimeoutError as error:
        said = "\n".join(processes.last_words(server.log) for server in servers)
        told = access.kubectl(*query, "jsonpath={.status.conditions}", check=False)
        raise TimeoutError(f"{error}: {told}\n{said}") from None


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
