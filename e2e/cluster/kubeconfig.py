"""kubeconfig files, with the keys inside so that each file stands on its own."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

from e2e.cluster.network import NODE_ADDRESS

API_PORT = 6443
SERVER = f"https://{NODE_ADDRESS}:{API_PORT}"


def render(pki: Path, identity: str) -> str:
    def inline(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "trimtab",
                    "cluster": {"server": SERVER, "certificate-authority-data": inline("ca.crt")},
                }
            ],
            "users": [
                {
                    "name": identity,
                    "user": {
                        "client-certificate-data": inline(f"{identity}.crt"),
                        "client-key-data": inline(f"{identity}.key"),
                    },
                }
            ],
            "contexts": [{"name": "trimtab", "context": {"cluster": "trimtab", "user": identity}}],
            "current-context": "trimtab",
        }
    )


def write(pki: Path, identity: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(render(pki, identity))
