"""What the machine was like before: settings to put back, and folders that were not there."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from e2e.cluster.network import SYSCTLS
from e2e.cluster.shell import run, system_path

# Everything the components are known to change when they start.
_WATCHED = (
    *SYSCTLS,
    "net.bridge.bridge-nf-call-ip6tables",
    "net.ipv4.conf.all.route_localnet",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.default.forwarding",
    "net.netfilter.nf_conntrack_max",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)
# Paths compiled into the components, which no flag moves.
_FIXED_FOLDERS = (
    "/run/containerd",
    "/run/runc",
    "/run/nri",
    "/etc/nri",
    "/opt/containerd",
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/containers",
    "/usr/libexec/kubernetes",
)


def _file(sysctl: str) -> Path:
    return Path("/proc/sys") / sysctl.replace(".", "/")


def remember(state: Path) -> None:
    """Note the machine's own settings, once: a second `up` must not take ours for its own."""
    note = state / "footprint.json"
    if note.exists():
        return
    settings = {}
    for name in _WATCHED:
        with contextlib.suppress(OSError):
            settings[name] = _file(name).read_text().strip()
    absent = [folder for folder in _FIXED_FOLDERS if not Path(folder).exists()]
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps({"sysctls": settings, "absent": absent}, indent=1))
    partial.rename(note)


def load_modules() -> None:
    """What a distribution's kernel keeps apart. Built-in ones, and machines without modprobe, are
    as they are: what is really missing shows by the setting or the mount that then fails."""
    if shutil.which("modprobe", path=system_path()):
        for module in ("overlay", "br_netfilter"):
            run(["modprobe", module], check=False)


def apply_sysctls() -> None:
    for name, value in SYSCTLS.items():
        with contextlib.suppress(FileNotFoundError):  # br_netfilter may be built out of a kernel
            _file(name).write_text(value)


def restore(state: Path) -> None:
    note = state / "footprint.json"
    if not note.exists():
        return
    seen = json.loads(note.read_text())
    for name, value in seen["sysctls"].items():
        with contextlib.suppress(OSError):
            if _file(name).read_text().strip() != value:
                _file(name).write_text(value)
    for folder in seen["absent"]:
        shutil.rmtree(folder, ignore_errors=True)
