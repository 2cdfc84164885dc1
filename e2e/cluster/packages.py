"""The few programs that come from Debian, none of which starts a service when installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import step
from e2e.cluster.shell import run, system_path

OTHER_WAY = (
    "The other way is a cluster of your own: create one with kind "
    "(https://kind.sigs.k8s.io) and set KUBECONFIG to it."
)
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

# program -> the Debian package that carries it
_PROGRAMS = {
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "socat": "socat",
    "debootstrap": "debootstrap",
    "mount": "mount",
}


def cni_folder() -> Path | None:
    needed = ("bridge", "host-local", "loopback")
    for folder in CNI_FOLDERS:
        if all((folder / plugin).exists() for plugin in needed):
            return folder
    return None


def missing() -> list[str]:
    """Debian packages this machine lacks, judged by the programs and not by dpkg's list."""
    lacking = [
        package
        for program, package in _PROGRAMS.items()
        if shutil.which(program, path=system_path()) is None
    ]
    if cni_folder() is None:
        lacking.append("containernetworking-plugins")
    return lacking


def check_machine() -> None:
    """One plain message when this machine cannot carry the cluster."""
    if sys.platform != "linux":
        raise ClusterError(f"the embedded cluster needs Linux; this is {sys.platform}. {OTHER_WAY}")
    if os.geteuid() != 0:
        raise ClusterError(
            "the embedded cluster needs root (it makes cgroups, mounts and a network bridge). "
            + OTHER_WAY
        )
    lacking = missing()
    if lacking and shutil.which("apt-get") is None:
        raise ClusterError(
            f"this machine lacks {', '.join(lacking)}, and has no apt-get to install them with. "
            + OTHER_WAY
        )


def install_missing() -> None:
    lacking = missing()
    if not lacking:
        return
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(lacking)}", "20 s"):
        run(["apt-get", "update", "-qq"], env=env)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *lacking], env=env)
    if missing():
        raise ClusterError(f"still missing after apt-get: {', '.join(missing())}. {OTHER_WAY}")
