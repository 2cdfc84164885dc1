"""Names of Services inside the cluster, for the one pod that cannot do without: Envoy.

The kubelet tells no pod of it. Where it is not installed, a pod that asked there would wait: the
fence refuses packets to an address that no Service has, but the kernel tells the sender of a few
such refusals a second only, and a name is looked for under eight others first.
"""

from __future__ import annotations

from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError
from e2e.cluster.images import COREDNS
from e2e.cluster.network import DNS_SERVICE_ADDRESS
from e2e.cluster.paths import PACKAGE
from e2e.cluster.progress import step

_INSIDE = "--namespace=kube-system"


def manifest() -> str:
    text = (PACKAGE / "manifests" / "coredns.yaml").read_text()
    return text.replace("${IMAGE}", COREDNS).replace("${ADDRESS}", DNS_SERVICE_ADDRESS)


def apply_dns(cluster: Cluster) -> None:
    """Install CoreDNS, and wait until it answers."""
    with step("starting CoreDNS"):
        cluster.kubectl(
            *("apply", "--server-side", "--force-conflicts", "-f", "-"), stdin=manifest()
        )
        told = cluster.kubectl(
            *(_INSIDE, "rollout", "status", "deployment/coredns", "--timeout=60s"), check=False
        )
        if "successfully rolled out" not in told:
            pods = cluster.kubectl(_INSIDE, "get", "pods", "-o", "wide", check=False)
            words = cluster.kubectl(
                *(_INSIDE, "logs", "deployment/coredns", "--tail=5"), check=False
            )
            raise ClusterError(f"CoreDNS does not become ready:\n{pods}{words}")


def remove_dns(cluster: Cluster) -> None:
    cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=manifest())
