"""The cluster as an object: bring it up, ask it for things, hurt its parts, take it down."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import (
    binaries,
    configs,
    firewall,
    footprint,
    images,
    kubeconfig,
    layers,
    network,
    packages,
    pki,
    processes,
    teardown,
)
from e2e.cluster.component import Component
from e2e.cluster.errors import ClusterError
from e2e.cluster.oci import Built
from e2e.cluster.options import Options
from e2e.cluster.paths import Paths
from e2e.cluster.progress import say, seconds, step
from e2e.cluster.shell import run
from e2e.cluster.specs import NODE_NAME, all_specs
from e2e.cluster.versions import BINARIES, KUBERNETES, KUBERNETES_VARIABLE

_CLIENTS = ("admin", "controller-manager", "scheduler", "kubelet", "proxy")


class Cluster:
    """One Kubernetes node on this machine. Any number of these objects may speak of it."""

    def __init__(self, paths: Paths | None = None) -> None:
        self.paths = paths or Paths.default()

    @property
    def kubeconfig(self) -> Path:
        return self.paths.kubeconfig

    def bin(self, name: str) -> Path:
        """The path of kubectl, helm, ctr or a component's program."""
        return binaries.find(self.paths, name)

    def kubectl(self, *argv: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the cluster's administrator and return what it prints."""
        command: list[str | Path] = [self.bin("kubectl"), f"--kubeconfig={self.kubeconfig}", *argv]
        return run(command, stdin=stdin, check=check).stdout

    # -- up -------------------------------------------------------------------------------

    def up(self, *, audit: bool = False) -> None:
        """Bring it up, or mend it, or say that it is up. Images are brought up to date."""
        packages.check_machine()
        began = time.monotonic()
        with self._locked():
            self._refuse_another_version()
            if self.paths.pki.exists():
                pki.ensure(self.paths.pki, NODE_NAME)
            if self.paths.etc.exists() and all(c.healthy() for c in self.components()):
                say(f"Kubernetes {KUBERNETES} is already up, and every component is well")
                self._load(None)
                if audit:
                    self._start_audit()
                return
            self._prepare()
            self._start(audit)
        say(f"Kubernetes {KUBERNETES} is up: {seconds(time.monotonic() - began)}")

    def _refuse_another_version(self) -> None:
        """etcd's data of one minor version is not for another to read, least of all an older."""
        there = Options.read(self.paths).kubernetes
        if self.paths.etc.exists() and there != KUBERNETES:
            raise ClusterError(
                f"the cluster that is there is of Kubernetes {there}, and {KUBERNETES} is asked"
                f" for: `make cluster-down` first, or set {KUBERNETES_VARIABLE} to its minor"
            )

    def _prepare(self) -> None:
        packages.install_missing()
        if self.paths.staging.exists():  # of a run that was cut short
            layers.discard(self.paths.staging)
        self.paths.staging.mkdir(parents=True)
        binaries.ensure(self.paths)
        self._build(None)

    def _start_audit(self) -> None:
        changed = configs.write_audit_policy(self.paths)
        if changed or not Options.read(self.paths).audit:
            Options(audit=True).write(self.paths)
            with step("restarting kube-apiserver with an audit log"):
                self.component("kube-apiserver").stop()
                self.component("kube-apiserver").start()

    def _start(self, audit: bool) -> None:
        paths = self.paths
        if processes.survived_a_boot(paths.records):
            # Its network, mounts and containers are gone; what is on disk no longer fits them.
            with step("clearing what is left from before this machine was restarted"):
                teardown.down(paths)
        if not paths.state.exists():
            firewall.refuse_foreign()
        paths.state.mkdir(parents=True, exist_ok=True)
        footprint.load_modules()
        footprint.remember(paths.state)
        Options(audit=audit).write(paths)
        with step("network, keys and configuration"):
            network.create()
            footprint.apply_sysctls()
            pki.ensure(paths.pki, NODE_NAME)
            for client in _CLIENTS:
                kubeconfig.write(paths.pki, client, paths.etc / f"{client}.kubeconfig")
            configs.write_all(paths, packages.cni_folder() or packages.CNI_FOLDERS[0], NODE_NAME)
        for component in self.components():
            with step(f"starting {component.spec.name}"):
                component.start()
            if component.spec.name == "containerd":
                self._load(None)
        with step("waiting for the node"):
            self._await_node()

    def _await_node(self, patience: float = 90.0) -> None:
        deadline = time.monotonic() + patience
        ready = [
            "get",
            "node",
            NODE_NAME,
            "-o",
            'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
        ]
        # Without its service account a namespace refuses every pod.
        account = ["get", "serviceaccount", "default", "-n", "default", "-o", "name"]
        while self.kubectl(*ready, check=False) != "True" or not self.kubectl(
            *account, check=False
        ):
            if time.monotonic() > deadline:
                raise ClusterError(
                    "the node does not become Ready:\n"
                    + self.kubectl("describe", "node", NODE_NAME, check=False)
                )
            time.sleep(0.3)

    # -- images ---------------------------------------------------------------------------

    def build_images(self, references: Iterable[str] | None = None) -> list[str]:
        """Make images in the cache, without a running cluster; return their names."""
        with self._locked():
            packages.install_missing()
            self.paths.staging.mkdir(parents=True, exist_ok=True)
            binaries.ensure(self.paths)
            return [image.reference for image in self._build(references)]

    def ensure_image(self, *references: str) -> list[str]:
        """Make images as their inputs are now, and load what is new; return what was loaded."""
        return self.load_images(references)

    def load_images(self, references: Iterable[str] | None = None) -> list[str]:
        """The same for several images, or for all."""
        with self._locked():
            self.paths.staging.mkdir(parents=True, exist_ok=True)
            return self._load(references)

    def _build(self, references: Iterable[str] | None) -> list[Built]:
        known = images.catalogue(self.bin)
        if references is None:
            wanted = [i for i in known.values() if i.possible and not i.by_name]
        else:
            unknown = set(references) - set(known)
            if unknown:
                raise ClusterError(
                    f"no recipe for {', '.join(sorted(unknown))}; there is {', '.join(known)}"
                )
            wanted = [known[reference] for reference in references]
        binaries.ensure(self.paths, [program for image in wanted for program in image.programs])
        return images.build(self.paths, wanted)

    def _load(self, references: Iterable[str] | None) -> list[str]:
        return images.Containerd(self.bin("ctr"), self.paths).load(self._build(references))

    # -- parts ----------------------------------------------------------------------------

    def components(self) -> list[Component]:
        programs = {binary.name: self.bin(binary.name) for binary in BINARIES}
        audit = Options.read(self.paths).audit
        return [Component(s, self.paths) for s in all_specs(self.paths, programs, audit=audit)]

    def component(self, name: str) -> Component:
        for component in self.components():
            if component.spec.name == name:
                return component
        raise ClusterError(f"the cluster has no component called {name}")

    # -- down -----------------------------------------------------------------------------

    def down(self) -> None:
        """Remove it and every trace of it on this machine; the cache stays."""
        packages.check_machine()
        with self._locked(), step("taking the cluster down"):
            teardown.down(self.paths)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` at a time; the lock goes with the process that holds it."""
        self.paths.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.paths.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another run holds the cluster; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
