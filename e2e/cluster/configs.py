"""The components' configuration files, as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.cgroups import NAME as CGROUP
from e2e.cluster.network import NODE_ADDRESS, POD_BRIDGE, POD_RANGE
from e2e.cluster.paths import Paths

PAUSE_IMAGE = "trimtab.local/pause:1"

_CONTAINERD = """\
version = 3
root = "{data}/containerd"
state = "{run}/containerd"
# cri.nri would share a socket in /var/run with whatever else runs on the machine.
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "{socket}"

[ttrpc]
  address = "{socket}.ttrpc"

[plugins.'io.containerd.internal.v1.opt']
  path = "{data}/containerd-opt"

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"

[plugins.'io.containerd.cri.v1.runtime']
  # Where CAP_SYS_RESOURCE is missing (a container, a locked-down machine) runc may not lower an
  # oom score, and would die with "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  # Under our state folder, so that `down` finds and unmounts them.
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "{run}/runc"
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{cni}"]
  conf_dir = "{etc}/cni"
"""


def containerd(paths: Paths, cni: Path) -> str:
    return _CONTAINERD.format(
        data=paths.data,
        run=paths.run,
        etc=paths.etc,
        socket=paths.containerd_socket,
        pause=PAUSE_IMAGE,
        cni=cni,
    )


def cni(paths: Paths) -> str:
    return json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": "trimtab",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": POD_BRIDGE,
                    "isGateway": True,
                    "isDefaultGateway": True,
                    # A pod may reach itself through its own Service.
                    "hairpinMode": True,
                    # No masquerade: pods speak to this machine and to each other only.
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": POD_RANGE, "gateway": NODE_ADDRESS}]],
                        "dataDir": str(paths.run / "cni"),
                    },
                }
            ],
        },
        indent=1,
    )


def kubelet(paths: Paths) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(paths.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(paths.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(paths.pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{paths.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "enforceNodeAllocatable": ["pods"],
        "failCgroupV1": False,
        "failSwapOn": False,
        "podLogsDir": str(paths.logs / "pods"),
        "volumePluginDir": str(paths.data / "volume-plugins"),
        # No name server: without one, pods cannot look anything up outside.
        "resolvConf": "",
        # Nor is there one inside: a look-up is refused at once in the pod itself, not waited for.
        "clusterDNS": ["127.0.0.1"],
        # A quarter of a core as a steady slow core. With the default of 100 ms it would run at
        # full speed until the quota is gone and then stall, and the tail would show the stalls.
        "cpuCFSQuotaPeriod": "5ms",
        "featureGates": {"CustomCPUCFSQuotaPeriod": True},
        # kube-proxy makes the chains it needs; fewer rules to take back.
        "makeIPTablesUtilChains": False,
        # Images cannot be pulled again, so they are never collected, however full the disk.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "maxPods": 110,
        "serializeImagePulls": False,
        "logging": {"verbosity": 1},
    }


def kube_proxy(paths: Paths, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "hostnameOverride": node,
        "clientConnection": {"kubeconfig": str(paths.etc / "proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # NodePorts answer on this machine only.
        "nodePortAddresses": ["127.0.0.0/8"],
        "iptables": {"localhostNodePorts": True},
        # Zero: leave the machine's connection tracking as it is.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        # Reads too, of the one whose rights are held against what it asks for.
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:trimtab-system"]},
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {
            "level": "None",
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
            "userGroups": ["system:nodes", "system:masters"],
        },
        {"level": "Metadata"},
    ],
}


def write_all(paths: Paths, cni_folder: Path, node: str) -> None:
    (paths.etc / "cni").mkdir(parents=True, exist_ok=True)
    for folder in (paths.run, paths.logs, paths.data / "volume-plugins"):
        folder.mkdir(parents=True, exist_ok=True)
    (paths.etc / "containerd.toml").write_text(containerd(paths, cni_folder))
    (paths.etc / "cni" / "10-trimtab.conflist").write_text(cni(paths))
    (paths.etc / "kubelet.yaml").write_text(yaml.safe_dump(kubelet(paths)))
    (paths.etc / "kube-proxy.yaml").write_text(yaml.safe_dump(kube_proxy(paths, node)))
    write_audit_policy(paths)


def write_audit_policy(paths: Paths) -> bool:
    """Whether it is another than was there."""
    file, text = paths.etc / "audit.yaml", yaml.safe_dump(_AUDIT_POLICY)
    changed = not file.exists() or file.read_text() != text
    file.write_text(text)
    return changed
