"""A folder of the embedded cluster's node as a claim, which the strictest Pod Security allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e2e.kit.served import Stage


def claim(stage: Stage, name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The volume, which bears the namespace's name, and the claim on it."""
    common = {"storageClassName": "", "accessModes": ["ReadWriteMany"]}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": stage.namespace},
        "spec": {
            **common,
            "capacity": {"storage": "1Gi"},
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": stage.namespace, "name": name},
            "hostPath": {"path": str(folder), "type": "Directory"},
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": stage.namespace},
        "spec": {
            **common,
            "volumeName": stage.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
