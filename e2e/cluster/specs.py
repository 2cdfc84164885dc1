"""The components' command lines and the addresses at which they say that they are well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.kubeconfig import API_PORT
from e2e.cluster.network import NODE_ADDRESS, SERVICE_RANGE
from e2e.cluster.paths import Paths
from e2e.cluster.pki import FRONT_PROXY

NODE_NAME = "trimtab"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ETCD = "https://127.0.0.1:2379"
_ETCD_PEER = "https://127.0.0.1:2380"


@dataclass(frozen=True)
class Spec:
    """One component: what to run, and how to tell that it is well."""

    name: str
    argv: tuple[str, ...]
    probe: str  # a URL, or the path of a socket that must accept connections
    ca: str = ""  # the authority of an https probe; empty where its certificate is self-signed
    identity: str = ""  # the client certificate to show to the probe
    patience: float = 60.0


def all_specs(
    paths: Paths, binaries: Mapping[str, Path], *, audit: bool = False
) -> tuple[Spec, ...]:
    """Every component, in the order in which they can start."""
    return (
        containerd(paths, binaries["containerd"]),
        etcd(paths, binaries["etcd"]),
        apiserver(paths, binaries["kube-apiserver"], audit=audit),
        controller_manager(paths, binaries["kube-controller-manager"]),
        scheduler(paths, binaries["kube-scheduler"]),
        kubelet(paths, binaries["kubelet"]),
        kube_proxy(paths, binaries["kube-proxy"]),
    )


def containerd(paths: Paths, binary: Path) -> Spec:
    return Spec(
        "containerd",
        # containerd looks for its shim on PATH; `env` puts the cache's folder there.
        (
            "/usr/bin/env",
            f"PATH={binary.parent}:{_SYSTEM_PATH}",
            str(binary),
            "--config",
            str(paths.etc / "containerd.toml"),
        ),
        probe=str(paths.containerd_socket),
    )


def etcd(paths: Paths, binary: Path) -> Spec:
    pki = paths.pki
    return Spec(
        "etcd",
        (
            str(binary),
            "--name=trimtab",
            f"--data-dir={paths.data / 'etcd'}",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            f"--listen-peer-urls={_ETCD_PEER}",
            f"--initial-advertise-peer-urls={_ETCD_PEER}",
            f"--initial-cluster=trimtab={_ETCD_PEER}",
            f"--cert-file={pki / 'etcd.crt'}",
            f"--key-file={pki / 'etcd.key'}",
            f"--trusted-ca-file={pki / 'etcd-ca.crt'}",
            "--client-cert-auth",
            f"--peer-cert-file={pki / 'etcd.crt'}",
            f"--peer-key-file={pki / 'etcd.key'}",
            f"--peer-trusted-ca-file={pki / 'etcd-ca.crt'}",
            "--peer-client-cert-auth",
            # The data lives as long as one test; syncing each write only slows a small disk.
            "--unsafe-no-fsync",
        ),
        probe=f"{_ETCD}/health",
        ca="etcd-ca",
        identity="etcd-client",
    )


def apiserver(paths: Paths, binary: Path, *, audit: bool) -> Spec:
    pki = paths.pki
    log = (
        ()
        if not audit
        else (
            f"--audit-policy-file={paths.etc / 'audit.yaml'}",
            f"--audit-log-path={paths.logs / 'audit.log'}",
            "--audit-log-mode=batch",
        )
    )
    return Spec(
        "kube-apiserver",
        (
            str(binary),
            # The bridge's address: reachable from this machine and its pods, and nowhere else.
            f"--bind-address={NODE_ADDRESS}",
            f"--advertise-address={NODE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--etcd-servers={_ETCD}",
            f"--etcd-cafile={pki / 'etcd-ca.crt'}",
            f"--etcd-certfile={pki / 'etcd-client.crt'}",
            f"--etcd-keyfile={pki / 'etcd-client.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
            # `kubectl logs` would otherwise look up the node's name, which no DNS knows.
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki / 'service-account.key'}",
            # So that servers of added APIs can be told who asks: metrics, in the bench of peers.
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            f"--requestheader-allowed-names={FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki / f'{FRONT_PROXY}.crt'}",
            f"--proxy-client-key-file={pki / f'{FRONT_PROXY}.key'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
            *log,
        ),
        probe=f"https://{NODE_ADDRESS}:{API_PORT}/readyz",
        ca="ca",
        identity="admin",
    )


def _manager(paths: Paths, identity: str) -> tuple[str, ...]:
    config = paths.etc / f"{identity}.kubeconfig"
    return (
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        # Alone in its cluster: an election would only delay a restart by its lease.
        "--leader-elect=false",
        "--profiling=false",
    )


def controller_manager(paths: Paths, binary: Path) -> Spec:
    pki = paths.pki
    return Spec(
        "kube-controller-manager",
        (
            str(binary),
            *_manager(paths, "controller-manager"),
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--service-account-private-key-file={pki / 'service-account.key'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--use-service-account-credentials=true",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--allocate-node-cidrs=false",
        ),
        probe="https://127.0.0.1:10257/healthz",
    )


def scheduler(paths: Paths, binary: Path) -> Spec:
    return Spec(
        "kube-scheduler",
        (str(binary), *_manager(paths, "scheduler")),
        probe="https://127.0.0.1:10259/healthz",
    )


def kubelet(paths: Paths, binary: Path) -> Spec:
    return Spec(
        "kubelet",
        (
            str(binary),
            f"--config={paths.etc / 'kubelet.yaml'}",
            f"--kubeconfig={paths.etc / 'kubelet.kubeconfig'}",
            f"--root-dir={paths.data / 'kubelet'}",
            f"--cert-dir={paths.data / 'kubelet-pki'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
        ),
        probe="http://127.0.0.1:10248/healthz",
    )


def kube_proxy(paths: Paths, binary: Path) -> Spec:
    return Spec(
        "kube-proxy",
        (str(binary), f"--config={paths.etc / 'kube-proxy.yaml'}"),
        probe="http://127.0.0.1:10256/healthz",
    )
