"""What the cluster is made of. Exact Go versions stand in go/*/go.mod, which go.sum seals."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from e2e.cluster.errors import ClusterError

KUBERNETES_VARIABLE = "TRIMTAB_KUBERNETES"
# Minor -> the release of it, and the module that seals it.
_MINORS = {"1.37": ("1.37.2", "kubernetes"), "1.36": ("1.36.3", "kubernetes-1.36")}


def kubernetes_of(minor: str) -> tuple[str, str]:
    """The release of a minor version and the module it is built from; the newest of none."""
    found = _MINORS.get(minor or next(iter(_MINORS)))
    if found is None:
        raise ClusterError(f"{KUBERNETES_VARIABLE} is {minor!r}; choose from {', '.join(_MINORS)}")
    return found


try:
    KUBERNETES, KUBERNETES_MODULE = kubernetes_of(os.environ.get(KUBERNETES_VARIABLE, ""))
except ClusterError as error:
    # Read as the module is imported, by any of a dozen commands: one line and no traceback.
    sys.exit(str(error))
HELM = "4.3.1"
KWOK_VERSION = "0.8.0"
PROMETHEUS = "3.15.1"
ENVOY = "1.40.0"  # of the wheel in images/envoy.txt
ENVOY_GATEWAY = "1.9.1"
COREDNS = "1.14.3"
KEDA = "2.21.0"
# The wheels that bring Go where PATH has none that is new enough; the first that is gets taken.
# There is none of 1.26.7, which the gateway's module asks for.
GO_WHEELS = ("1.26.6", "1.27.3")

_VERSION_PACKAGE = "k8s.io/component-base/version"
# Without these the node reports v0.0.0, and tools that compare versions refuse to work.
KUBERNETES_LDFLAGS = " ".join(
    f"-X {_VERSION_PACKAGE}.{key}={value}"
    for key, value in (
        ("gitVersion", f"v{KUBERNETES}"),
        ("gitMajor", KUBERNETES.split(".")[0]),
        ("gitMinor", KUBERNETES.split(".")[1]),
        ("gitTreeState", "clean"),
    )
)


@dataclass(frozen=True)
class Binary:
    """One program that Go builds for us."""

    name: str
    module: str  # the folder under go/
    package: str
    cold: str  # how long it takes on two cores with an empty Go cache
    ldflags: str = ""
    tags: str = ""


def _kubernetes(name: str, cold: str) -> Binary:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Binary(name, KUBERNETES_MODULE, package, cold, KUBERNETES_LDFLAGS)


_PROMETHEUS_LDFLAGS = f"-X github.com/prometheus/common/version.Version={PROMETHEUS}"
# Of the two dozen kinds of discovery that of Kubernetes alone.
_PROMETHEUS_TAGS = "remove_all_sd,enable_kubernetes_sd"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"

# The apiserver first: it compiles most of what the other four share.
BINARIES: tuple[Binary, ...] = (
    _kubernetes("kube-apiserver", "5 min"),
    _kubernetes("kube-controller-manager", "1 min"),
    _kubernetes("kube-scheduler", "30 s"),
    _kubernetes("kubelet", "1 min"),
    _kubernetes("kube-proxy", "20 s"),
    Binary("etcd", "tools", "go.etcd.io/etcd/server/v3", "40 s"),
    Binary("containerd", "tools", f"{_CONTAINERD}/containerd", "1 min"),
    Binary("containerd-shim-runc-v2", "tools", f"{_CONTAINERD}/containerd-shim-runc-v2", "10 s"),
    Binary("ctr", "tools", f"{_CONTAINERD}/ctr", "10 s"),
    Binary(
        "helm",
        "tools",
        "helm.sh/helm/v4/cmd/helm",
        "1 min",
        f"-X helm.sh/helm/v4/internal/version.version=v{HELM}",
    ),
    # Debian's own Prometheus is built without the discovery of Kubernetes pods; this one has that
    # alone, which also makes it quicker to build.
    Binary(
        "prometheus",
        "prometheus",
        "github.com/prometheus/prometheus/cmd/prometheus",
        "3 min",
        _PROMETHEUS_LDFLAGS,
        _PROMETHEUS_TAGS,
    ),
    Binary("pause", "pause", ".", "2 s"),
)
# Built where a gateway is asked for, and not by `up`. Of one module, so that what both use of
# Kubernetes is compiled once.
GATEWAY_BINARIES: tuple[Binary, ...] = (
    Binary("envoy-gateway", "gateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway", "6 min"),
    Binary("coredns", "gateway", ".", "20 s"),
)
# Only for the test of the chart's rules.
PROMTOOL = Binary(
    "promtool",
    "prometheus",
    "github.com/prometheus/prometheus/cmd/promtool",
    "1 min",
    _PROMETHEUS_LDFLAGS,
    _PROMETHEUS_TAGS,
)
# Only for the benchmark at scale: the cluster's own node and pods are real.
KWOK = Binary("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "2 min")
# Only for the bench of peers. KEDA has a hundred kinds of scalers, and links the clients of all.
_KEDA = "github.com/kedacore/keda/v2"
_KEDA_LDFLAGS = f"-X {_KEDA}/version.Version={KEDA}"
PEER_BINARIES: tuple[Binary, ...] = (
    Binary("keda-operator", "keda", f"{_KEDA}/cmd/operator", "10 min", _KEDA_LDFLAGS),
    Binary("keda-adapter", "keda", f"{_KEDA}/cmd/adapter", "1 min", _KEDA_LDFLAGS),
    Binary(
        "metrics-server",
        "metrics-server",
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "2 min",
    ),
)
ALL_BINARIES = (*BINARIES, *GATEWAY_BINARIES, PROMTOOL, KWOK, *PEER_BINARIES)
