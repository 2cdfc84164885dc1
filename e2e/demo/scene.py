"""Putting the model of the demo on the stage, and the address to call it at."""

from __future__ import annotations

import socket
from pathlib import Path

from e2e.kit.access import Access, wait_for
from e2e.kit.install import Images

NAMESPACE = "trimtab-demo"
MODEL = "digits"
MANIFESTS = Path(__file__).parent / "manifests"


def manifest(images: Images) -> str:
    """The user's manifest: an AcceleratorClass and a ModelDeployment."""
    text = (MANIFESTS / "digits.yaml").read_text()
    return text.replace("${TRITON_IMAGE}", images.triton).replace(
        "${MODEL_REPO_IMAGE}", images.models
    )


def open_namespace(access: Access) -> None:
    """The namespace, held to Pod Security's strictest level."""
    access.apply(
        f"""
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels: {{pod-security.kubernetes.io/enforce: restricted}}
"""
    )


def close_namespace(access: Access) -> None:
    """Removes all of it."""
    access.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def way_in(access: Access) -> str:
    """A URL on this machine that spreads connections over the model's pods."""
    access.apply((MANIFESTS / "way-in.yaml").read_text())
    service = access.json("service", f"{MODEL}-way-in", "-n", NAMESPACE)
    port = service["spec"]["ports"][0]["nodePort"]
    node = access.json("nodes")["items"][0]
    addresses = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
    hosts = ["127.0.0.1", *addresses]
    found: list[str] = []

    def reachable() -> bool:
        for host in hosts:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                continue
            found.append(f"http://{host}:{port}")
            return True
        return False

    wait_for(f"NodePort {port} on {' or '.join(hosts)}", reachable, seconds=30)
    return found[0]


def model_ready(access: Access) -> bool:
    """Whether the ModelDeployment says that it serves."""
    found = access.json("modeldeployment", MODEL, "-n", NAMESPACE)
    conditions = {c["type"]: c["status"] for c in (found.get("status") or {}).get("conditions", [])}
    return conditions.get("Ready") == "True"
