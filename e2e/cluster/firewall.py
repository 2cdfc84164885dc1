"""Taking back the iptables rules: kube-proxy's, the kubelet's and our own, and no others."""

from __future__ import annotations

import itertools
import shutil

from e2e.cluster.errors import ClusterError
from e2e.cluster.network import FENCE
from e2e.cluster.shell import run, system_path

_PREFIX = "KUBE-"


def foreign(dump: str) -> bool:
    """Whether iptables-save shows another Kubernetes on this machine."""
    return any(line.startswith(f":{_PREFIX}") for line in dump.splitlines())


def removal(dump: str) -> str:
    """What to feed iptables-restore --noflush, given iptables-save, to be rid of the cluster."""
    script: list[str] = []
    body: list[str] = []
    for line in dump.splitlines():
        if line.startswith("*"):
            table, chains, rules = line, [], []
            body = []
        elif line.startswith(f":{_PREFIX}"):
            chains.append(line[1:].split()[0])
        elif line.startswith("-A ") and not line.startswith(f"-A {_PREFIX}") and _is_ours(line):
            rules.append("-D" + line[2:])
        elif line == "COMMIT":
            # First the jumps, then the contents, then the chains: a chain in use cannot go.
            body = rules + [f"-F {c}" for c in chains] + [f"-X {c}" for c in chains]
            if body:
                script += [table, *body, "COMMIT"]
    return "\n".join(script) + "\n" if script else ""


def _is_ours(rule: str) -> bool:
    words = rule.split()
    return FENCE in words or any(
        flag in ("-j", "-g") and target.startswith(_PREFIX)
        for flag, target in itertools.pairwise(words)
    )


def refuse_foreign() -> None:
    if foreign(run(["iptables-save"]).stdout):
        raise ClusterError(
            "another Kubernetes node runs on this machine (iptables holds KUBE- chains); "
            "use it through KUBECONFIG instead"
        )


def remove_rules() -> None:
    for family in ("iptables", "ip6tables"):
        if shutil.which(f"{family}-save", path=system_path()) is None:
            continue
        dump = run([f"{family}-save"], check=False).stdout
        if script := removal(dump):
            run([f"{family}-restore", "--noflush", "-w", "5"], stdin=script)
