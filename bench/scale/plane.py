"""A control plane without a kubelet, kwok in its place, and Prometheus: plain processes on ports of
their own, in a folder of their own, ended together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from e2e.cluster import binaries, gobuild, health
from e2e.cluster.paths import Paths
from e2e.cluster.shell import run
from e2e.cluster.specs import Spec
from e2e.cluster.versions import BINARIES, KWOK

_HERE = Path(__file__).parent
_NEEDED = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "prometheus",
)
ETCD, API, MANAGER, SCHEDULER = 13379, 17443, 18257, 18259
KWOK_PORT, PROMETHEUS, EXPORTER, OPERATOR = 18247, 19090, 19100, 18080
SERVER = f"https://127.0.0.1:{API}"
OPERATOR_USER, ADMIN_USER = "trimtab", "bench"
# What makes pods of Deployments and clears what has lost its owner. No endpoints: nobody asks the
# pods anything.
_CONTROLLERS = "deployment-controller,replicaset-controller,garbage-collector-controller"


class Plane:
    """The processes, and where they keep what they keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audit = folder / "audit.log"
        self.ca = folder / "pki" / "apiserver.crt"
        self._paths = Paths.default()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, models: int) -> None:
        """Builds what the cache lacks, and starts everything but the operator."""
        wanted = [*(b for b in BINARIES if b.name in _NEEDED), KWOK]
        gobuild.build_all(self._paths, wanted)
        programs = {b.name: str(gobuild.path(self._paths, b)) for b in wanted}
        self._write_files()
        for spec in self._specs(programs, models):
            self.run(spec.name, spec.argv)
            wait_for(spec.name, lambda spec=spec: self._well(spec), 120.0)  # type: ignore[misc]

    def run(self, name: str, argv: Sequence[str], **env: str) -> subprocess.Popen[bytes]:
        """Starts one process; its output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as out:
            process = subprocess.Popen(  # noqa: S603
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
            )
        self._running[name] = process
        return process

    def end(self, name: str) -> None:
        """Ends one process and waits for it."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ends all of them, the last that was started first."""
        for name in reversed(list(self._running)):
            self.end(name)

    def shares(self) -> dict[str, float]:
        """CPU seconds that each process has taken until now."""
        return {name: round(cpu_s(p.pid), 1) for name, p in self._running.items()}

    def kubectl(self, *argv: str) -> None:
        """Runs kubectl as the one who may everything."""
        kubectl = binaries.find(self._paths, "kubectl")
        run([kubectl, f"--kubeconfig={self.kubeconfig(ADMIN_USER)}", *argv])

    def kubeconfig(self, user: str) -> str:
        """The path of that user's kubeconfig."""
        return str(self.folder / f"{user}.kubeconfig")

    def _well(self, spec: Spec) -> bool:
        process = self._running[spec.name]
        if process.poll() is not None:
            said = (self.folder / f"{spec.name}.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{spec.name} ended: {said}")
        return health.healthy(spec, self._paths)

    def _write_files(self) -> None:
        for name, content in {
            "audit.yaml": _AUDIT,
            "scheduler.yaml": {
                **_SCHEDULER,
                "clientConnection": {
                    "kubeconfig": self.kubeconfig("scheduler"),
                    "qps": 500,
                    "burst": 1000,
                },
            },
            "prometheus.yaml": _SCRAPES,
            **{
                f"{user}.kubeconfig": self._config(user)
                for user in (OPERATOR_USER, ADMIN_USER, "scheduler", "manager", "kwok")
            },
        }.items():
            (self.folder / name).write_text(yaml.safe_dump(content))
        users = (OPERATOR_USER, ADMIN_USER, "scheduler", "manager", "kwok")
        tokens = "".join(f'{token_of(u)},{u},{u},"system:masters"\n' for u in users)
        (self.folder / "tokens.csv").write_text(tokens)
        key = ec.generate_private_key(ec.SECP256R1())
        (self.folder / "accounts.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )

    def _config(self, user: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": SERVER, "certificate-authority": str(self.ca)}}
            ],
            "users": [{"name": user, "user": {"token": token_of(user)}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": user}}],
            "current-context": "c",
        }

    def _specs(self, programs: dict[str, str], models: int) -> list[Spec]:
        return [
            self._etcd(programs),
            self._apiserver(programs),
            self._manager(programs),
            self._scheduler(programs),
            self._kwok(programs),
            self._exporter(models),
            self._prometheus(programs),
        ]

    def _etcd(self, programs: dict[str, str]) -> Spec:
        url, peer = f"http://127.0.0.1:{ETCD}", f"http://127.0.0.1:{ETCD + 1}"
        argv = (
            programs["etcd"],
            "--name=scale",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=scale={peer}",
            "--quota-backend-bytes=8000000000",
            "--unsafe-no-fsync",
        )
        return Spec("etcd", argv, probe=f"{url}/health")

    def _apiserver(self, programs: dict[str, str]) -> Spec:
        key = self.folder / "accounts.key"
        argv = (
            programs["kube-apiserver"],
            "--bind-address=127.0.0.1",
            f"--secure-port={API}",
            # It may not be 127.0.0.1, and nobody asks for it.
            "--endpoint-reconciler-type=none",
            f"--etcd-servers=http://127.0.0.1:{ETCD}",
            f"--cert-dir={self.ca.parent}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.200.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # No controller gives accounts to namespaces here, and none takes the taint from new
            # nodes.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            f"--audit-policy-file={self.folder / 'audit.yaml'}",
            f"--audit-log-path={self.audit}",
            "--audit-log-maxsize=0",
            "--profiling=false",
        )
        return Spec("kube-apiserver", argv, probe=f"{SERVER}/readyz")

    def _manager(self, programs: dict[str, str]) -> Spec:
        argv = (
            programs["kube-controller-manager"],
            f"--kubeconfig={self.kubeconfig('manager')}",
            "--bind-address=127.0.0.1",
            f"--secure-port={MANAGER}",
            "--leader-elect=false",
            f"--controllers={_CONTROLLERS}",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        )
        return Spec("kube-controller-manager", argv, probe=f"https://127.0.0.1:{MANAGER}/healthz")

    def _scheduler(self, programs: dict[str, str]) -> Spec:
        argv = (
            programs["kube-scheduler"],
            f"--config={self.folder / 'scheduler.yaml'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={SCHEDULER}",
        )
        return Spec("kube-scheduler", argv, probe=f"https://127.0.0.1:{SCHEDULER}/healthz")

    def _kwok(self, programs: dict[str, str]) -> Spec:
        argv = (
            programs["kwok"],
            f"--kubeconfig={self.kubeconfig('kwok')}",
            f"--config={_HERE / 'stages.yaml'}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=0",
            f"--server-address=127.0.0.1:{KWOK_PORT}",
        )
        return Spec("kwok", argv, probe=f"http://127.0.0.1:{KWOK_PORT}/healthz")

    def _exporter(self, models: int) -> Spec:
        argv = (
            sys.executable,
            "-m",
            "bench.scale.exporter",
            f"--models={models}",
            f"--server={SERVER}",
            f"--token={token_of(ADMIN_USER)}",
            f"--ca={self.ca}",
            f"--port={EXPORTER}",
        )
        return Spec("exporter", argv, probe=f"http://127.0.0.1:{EXPORTER}/rest")

    def _prometheus(self, programs: dict[str, str]) -> Spec:
        argv = (
            programs["prometheus"],
            f"--config.file={self.folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            "--storage.tsdb.retention.time=2h",
            f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
        )
        return Spec("prometheus", argv, probe=f"http://127.0.0.1:{PROMETHEUS}/-/ready")


_SCHEDULER = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "leaderElection": {"leaderElect": False},
}
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    # Only the operator's, so that its requests can be counted, and of which kind they are.
    "rules": [{"level": "Metadata", "users": [OPERATOR_USER]}, {"level": "None"}],
}
_SCRAPES = {
    "global": {"scrape_interval": "5s", "scrape_timeout": "5s"},
    "scrape_configs": [
        {
            "job_name": "triton",
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{EXPORTER}"]}],
        },
        {
            # As often as users scrape what is no model server; it costs the operator CPU time too.
            "job_name": "trimtab",
            "scrape_interval": "30s",
            "static_configs": [{"targets": [f"127.0.0.1:{OPERATOR}"]}],
        },
    ],
}


def cpu_s(pid: int) -> float:
    """CPU time that a process has taken until now, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def token_of(user: str) -> str:
    """The token of a user of a server that this machine alone can reach, for as long as it runs."""
    return f"token-of-{user}"


def ask(url: str) -> bytes:
    """What a server of this machine answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def wait_for(what: str, ready: Callable[[], bool], seconds: float, period_s: float = 0.5) -> float:
    """Waits until `ready()`; returns the seconds it took; raises TimeoutError naming `what`."""
    started = time.monotonic()
    while not ready():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(period_s)
    return time.monotonic() - started
