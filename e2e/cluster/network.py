"""The cluster's addresses: a bridge for pods, a bridge that keeps Service addresses at home."""

from __future__ import annotations

import ipaddress
import json
import shutil

from e2e.cluster.errors import ClusterError
from e2e.cluster.shell import run, system_path

POD_BRIDGE = "trimtab0"
SERVICE_BRIDGE = "trimtab-svc0"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
NODE_ADDRESS = "10.244.0.1"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
_SERVICE_BRIDGE_ADDRESS = "10.96.255.254/16"
FENCE = "trimtab-cluster"
"""The comment of every rule that is ours."""

SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    # Pods that speak to each other through a Service address cross only the bridge; without
    # this iptables would not see, and so not rewrite, their packets.
    "net.bridge.bridge-nf-call-iptables": "1",
}


def fence() -> list[list[str]]:
    """Rules that keep pods' packets on this machine, and strangers' packets out of the pods.

    And one that refuses what this machine sends to a Service address that kube-proxy did not
    rewrite: of a Service that it does not know yet, or while it replaces one table after the other.
    Without it the connection waited 3 s and was remembered unrewritten for two minutes: whoever got
    its local port again found no route to a Service that was all well.
    """
    mark = ["-m", "comment", "--comment", FENCE]
    return [
        ["OUTPUT", "-o", SERVICE_BRIDGE, "-d", SERVICE_RANGE, *mark, "-j", "REJECT"],
        ["FORWARD", "-i", POD_BRIDGE, "!", "-o", POD_BRIDGE, *mark, "-j", "REJECT"],
        ["FORWARD", "!", "-i", POD_BRIDGE, "-o", POD_BRIDGE, *mark, "-j", "DROP"],
    ]


def clashes(routes: list[dict[str, object]]) -> list[str]:
    """Routes of this machine, over links that are not ours, that our addresses would break."""
    taken = []
    for route in routes:
        target, device = str(route.get("dst", "default")), str(route.get("dev", ""))
        if target == "default" or device in (POD_BRIDGE, SERVICE_BRIDGE):
            continue
        network = ipaddress.ip_network(target, strict=False)
        if any(network.overlaps(ipaddress.ip_network(r)) for r in (POD_RANGE, SERVICE_RANGE)):
            taken.append(f"{target} on {device}")
    return taken


def create() -> None:
    taken = clashes(json.loads(run(["ip", "-json", "-4", "route", "show"]).stdout or "[]"))
    if taken:
        raise ClusterError(
            f"the cluster needs {POD_RANGE} and {SERVICE_RANGE} for itself, but this machine "
            f"routes {', '.join(taken)}"
        )
    prefix = POD_RANGE.split("/")[1]
    _bridge(POD_BRIDGE, f"{NODE_ADDRESS}/{prefix}")
    # A packet to a Service address that kube-proxy did not rewrite is dropped on this bridge,
    # instead of leaving by the default route.
    _bridge(SERVICE_BRIDGE, _SERVICE_BRIDGE_ADDRESS)
    for rule in fence():
        if run(["iptables", "-w", "-C", *rule], check=False).returncode != 0:
            run(["iptables", "-w", "-I", *rule])


def _bridge(name: str, address: str) -> None:
    if run(["ip", "link", "show", name], check=False).returncode != 0:
        run(["ip", "link", "add", name, "type", "bridge"])
    run(["ip", "address", "replace", address, "dev", name])
    run(["ip", "link", "set", name, "up"])


def remove_links() -> None:
    """Remove our bridges and the pods' ends of the cables that hang on them."""
    if shutil.which("ip", path=system_path()) is None:
        return  # then nothing was ever made here
    links = json.loads(run(["ip", "-json", "link", "show"]).stdout or "[]")
    names = [link["ifname"] for link in links if link.get("master") == POD_BRIDGE]
    names += [link["ifname"] for link in links if link["ifname"] in (POD_BRIDGE, SERVICE_BRIDGE)]
    for name in names:
        # A cable goes by itself when its pod's network namespace dies, maybe just before us.
        run(["ip", "link", "delete", name], check=False)
