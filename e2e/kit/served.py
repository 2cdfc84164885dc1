"""A namespace with models in it: apply, ask, load, hurt, and look at what is written."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from e2e.kit.access import ROOT, Access, wait_for
from e2e.kit.install import NAMESPACE as OPERATOR_NAMESPACE
from e2e.kit.install import Images, restricted
from e2e.kit.operator import Operator
from e2e.kit.recorder import Recorder
from e2e.load.payload import VARIETY
from e2e.load.process import LoadProcess

DIGITS = ROOT / "e2e" / "demo" / "manifests" / "digits.yaml"
STAGES = "trimtab-e2e-"
"""What the name of a stage begins with, before the pid of whose it is."""
CHILD_KINDS = ("deployments", "services", "configmaps")
EVENTS_BY = "trimtab.dev/operator"


class Stage:
    """A namespace held to Pod Security's strictest level; leaving it deletes it."""

    def __init__(self, access: Access, images: Images) -> None:
        self.access = access
        self.images = images
        self.operator = Operator(access)
        self.namespace = f"{STAGES}{os.getpid()}-{uuid.uuid4().hex[:6]}"

    def __enter__(self) -> Stage:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Makes the namespace."""
        self.put(restricted(self.namespace))

    def close(self) -> None:
        """Deletes it and all that is in it."""
        self.access.kubectl("delete", "namespace", self.namespace, "--wait=false")

    # -- objects --------------------------------------------------------------------------

    def put(self, obj: Mapping[str, Any]) -> None:
        """`kubectl apply` of an object."""
        self.access.apply(json.dumps(obj))

    def kubectl(self, *argv: str, check: bool = True) -> str:
        """kubectl in this namespace."""
        return self.access.kubectl("-n", self.namespace, *argv, check=check)

    def get(self, *argv: str) -> Any:
        """`kubectl get … -o json` in this namespace."""
        return self.access.json("-n", self.namespace, *argv)

    def digits(self, name: str = "digits", **spec: Any) -> dict[str, Any]:
        """The demo's ModelDeployment under a name, with parts of its spec replaced."""
        text = DIGITS.read_text().replace("${TRITON_IMAGE}", self.images.triton)
        text = text.replace("${MODEL_REPO_IMAGE}", self.images.models)
        accelerator, model = yaml.safe_load_all(text)
        self.put(accelerator)
        model["metadata"] = {"name": name, "namespace": self.namespace}
        model["spec"] |= spec
        return dict(model)

    def digits_as(self, variant: str, **spec: Any) -> dict[str, Any]:
        """The same with one of its variants alone."""
        model = self.digits(**spec)
        variants = model["spec"]["variants"]
        model["spec"]["variants"] = [v for v in variants if v["name"] == variant]
        return model

    # -- what trimtab says ----------------------------------------------------------------

    def status(self, name: str = "digits") -> dict[str, Any]:
        """The status of a ModelDeployment."""
        return dict(self.get("modeldeployment", name).get("status") or {})

    def condition(self, kind: str, name: str = "digits") -> tuple[str, str]:
        """Status and reason of a condition; empty where it is not there yet."""
        for condition in self.status(name).get("conditions", ()):
            if condition["type"] == kind:
                return condition["status"], condition["reason"]
        return "", ""

    def await_condition(
        self, kind: str, status: str, *, name: str = "digits", seconds: float = 60.0
    ) -> float:
        """Waits until a condition has that status; returns the seconds it took."""
        what = f"{name}: {kind}={status}"
        return wait_for(
            what,
            lambda: self.condition(kind, name)[0] == status,
            seconds=seconds,
            told=lambda: json.dumps(self.status(name)),
        )

    def replicas(self, name: str = "digits") -> int:
        """Replicas asked for, over all Deployments of the model."""
        found = self.get("deployments", "-l", f"trimtab.dev/model-deployment={name}")
        return sum(d["spec"]["replicas"] for d in found["items"])

    def versions(self) -> dict[str, str]:
        """The resource version of everything here that trimtab could write."""
        items = {kind: self.get(kind)["items"] for kind in ("modeldeployments", *CHILD_KINDS)}
        # A kubelet of 1.36 says every minute or so that the image of a volume is there.
        items["events"] = [
            event
            for event in self.get("events")["items"]
            if event.get("reportingComponent") == EVENTS_BY
        ]
        return {
            f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind, found in items.items()
            for item in found
        }

    # -- load -----------------------------------------------------------------------------

    def way_in(self, name: str = "digits") -> str:
        """A Service to the model's pods; returns its URL as this machine reaches it.

        A NodePort only where the machine is not the node: on the node each connection that it
        refuses while no pod is Ready stays in the kernel's table, and for two minutes whoever gets
        its local port is refused by pods that are all Ready.
        """
        is_node = self.access.embedded is not None
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{name}-way-in", "namespace": self.namespace},
            "spec": {
                "type": "ClusterIP" if is_node else "NodePort",
                "selector": {"trimtab.dev/model-deployment": name},
                "ports": [{"name": "http", "port": 8000, "targetPort": "http"}],
            },
        }
        self.put(service)
        made = self.get("service", f"{name}-way-in")["spec"]
        if is_node:
            return f"http://{reachable_host([made['clusterIP']], 8000)}:8000"
        port = made["ports"][0]["nodePort"]
        nodes = self.access.json("nodes")["items"]
        addresses = [
            a["address"]
            for node in nodes
            for a in node["status"]["addresses"]
            if a["type"] == "InternalIP"
        ]
        return f"http://{reachable_host(['127.0.0.1', *addresses], port)}:{port}"

    def load(
        self,
        url: str,
        schedule: str,
        *,
        seed: int = 1,
        variety: int = VARIETY,
        patience_s: float = 30.0,
    ) -> LoadProcess:
        """An open-loop load on the model, in a process of its own.

        Its clients are patient: what an overloaded replica owes is then counted as late and not as
        lost, and a request that is lost stands out. That goes for a lost SYN too: it is sent
        again after 1 s and after 3 s, which a connect timeout of 2 s would call a failure. And a
        connection that is refused is tried once more, as every gateway does; it is counted.
        """
        arguments = ["--url", url, "--model", "digits", "--schedule", schedule]
        arguments += ["--timeout", f"{patience_s:g}", "--connect-timeout", "10"]
        arguments += ["--connect-retries", "1"]
        arguments += ["--seed", str(seed), "--variety", str(variety)]
        return LoadProcess(arguments, niceness=-5)

    def record(self, name: str = "digits") -> Recorder:
        """A record of the model's fleet, second by second."""
        return Recorder(Path(self.access.kubeconfig), self.namespace, name)

    # -- faults ---------------------------------------------------------------------------

    def stop_prometheus(self) -> None:
        """Takes Prometheus away."""
        self._prometheus("0")

    def start_prometheus(self) -> None:
        """Brings it back and waits until it is Ready."""
        self._prometheus("1")

    def _prometheus(self, replicas: str) -> None:
        self.access.kubectl(
            "-n", "monitoring", "scale", "deploy/prometheus", "--replicas", replicas
        )
        self.access.kubectl(
            "-n", "monitoring", "rollout", "status", "deploy/prometheus", "--timeout=60s"
        )

    def kill_operator(self) -> None:
        """Deletes its pod without grace: it is told to go, and another is made at once."""
        self.access.kubectl(
            *("-n", OPERATOR_NAMESPACE, "delete", "pod", self.operator.name()),
            *("--grace-period=0", "--force", "--wait=false"),
        )

    def await_operator(self) -> None:
        """Waits until an operator is Ready."""
        time.sleep(1.0)
        self.access.kubectl(
            *("-n", OPERATOR_NAMESPACE, "rollout", "status", "deploy/trimtab", "--timeout=90s")
        )


def reachable_host(hosts: list[str], port: int) -> str:
    """The first host that takes a connection on that port."""
    found: list[str] = []

    def connects() -> bool:
        for host in hosts:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                continue
            found.append(host)
            return True
        return False

    wait_for(f"port {port} on {' or '.join(hosts)}", connects, seconds=30)
    return found[0]
