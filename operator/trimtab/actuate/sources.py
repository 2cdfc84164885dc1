"""How a model source gets into the pod."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trimtab.actuate.config import MODELS_DIR, SOURCE_DIR
from trimtab.actuate.errors import SourceRefused
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import (
    HostPathSource,
    ImageSource,
    ModelSource,
    PvcSource,
    UriSource,
    Variant,
)

HOST_PATH_VALUE = "models.allowHostPath"
SECRET_DIR = "/var/run/trimtab/source-secret"  # noqa: S105 - a folder

Dicts = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mounted:
    """What a source adds to the pod.

    `repository` is what Triton is told to read; `path` the repository's root inside the mounted
    source, None where nothing is mounted and so nothing is prepared.
    """

    repository: str
    path: str | None
    volumes: Dicts = field(default_factory=list)
    mounts: Dicts = field(default_factory=list)
    env_from: Dicts = field(default_factory=list)


def source_problem(variant: Variant, settings: InstallSettings) -> SourceRefused | None:
    """Why this install cannot serve that variant, None where it can."""
    if isinstance(variant.source, HostPathSource) and not settings.allow_host_path:
        return SourceRefused(variant.name, HOST_PATH_VALUE)
    return None


def mounted(variant: Variant, settings: InstallSettings) -> Mounted:
    """Raises SourceRefused where the install does not allow the source."""
    problem = source_problem(variant, settings)
    if problem is not None:
        raise problem
    return mount(variant.source)


def mount(source: ModelSource) -> Mounted:
    """What the source adds to a pod, whether or not the install allows it."""
    match source:
        case ImageSource():
            image = {"reference": source.reference}
            if source.pull_policy:
                image["pullPolicy"] = source.pull_policy
            return _volume({"image": image}, source.path)
        case PvcSource():
            # readOnly here too, not only in the mount: it lets a ReadOnlyMany claim attach to many
            # nodes, and keeps the kubelet from changing the owner of every file in it.
            claim = {"claimName": source.claim_name, "readOnly": True}
            return _volume({"persistentVolumeClaim": claim}, source.path)
        case HostPathSource():
            return _volume({"hostPath": {"path": source.path, "type": "Directory"}}, "")
        case UriSource():
            return _uri(source)


def _volume(volume: dict[str, Any], path: str) -> Mounted:
    return Mounted(
        repository=MODELS_DIR,
        path=path,
        volumes=[{"name": "source", **volume}],
        mounts=[{"name": "source", "mountPath": SOURCE_DIR, "readOnly": True}],
    )


def _uri(source: UriSource) -> Mounted:
    if source.secret_name is None:
        return Mounted(repository=source.uri, path=None)
    # As environment for keys such as AWS_ACCESS_KEY_ID, and as files beside it because
    # GOOGLE_APPLICATION_CREDENTIALS is the path of one.
    return Mounted(
        repository=source.uri,
        path=None,
        volumes=[{"name": "source-secret", "secret": {"secretName": source.secret_name}}],
        mounts=[{"name": "source-secret", "mountPath": SECRET_DIR, "readOnly": True}],
        env_from=[{"secretRef": {"name": source.secret_name}}],
    )
