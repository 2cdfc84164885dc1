"""The Job of a compression, and the Service by which its workers find each other.

The pod gets no token: what it published comes back in its termination message
(trimtab.api.told), which the kubelet puts into the pod's status.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any

from trimtab.actuate import names
from trimtab.actuate.children import stamped
from trimtab.actuate.config import SOURCE_DIR
from trimtab.actuate.deployment import (
    container_security,
    placement,
    pod_security,
    resources_of,
)
from trimtab.actuate.kinds import JOB, SERVICE
from trimtab.actuate.settings import InstallSettings
from trimtab.actuate.sources import HOST_PATH_VALUE, Mounted, mount
from trimtab.api.resources import (
    AcceleratorClass,
    Compression,
    HostPathSource,
    ModelDeployment,
    PvcSource,
)
from trimtab.core.compression import Obstacle, run_path, source_hash

CONTAINER = "compress"
OUTPUT, OUTPUT_DIR = "output", "/output"
MESSAGE = "/dev/termination-log"
PORT = 29400
_INDEX = "$(JOB_COMPLETION_INDEX)"  # of the Job controller; the kubelet fills it in
# trimtab compress ends so where another try would end alike.
HOPELESS = 3

Dict = dict[str, Any]


def obstacle(
    compression: Compression, accelerator_class: AcceleratorClass | None, settings: InstallSettings
) -> Obstacle | None:
    """What keeps this install from running the compression."""
    if not settings.compress.image:
        return Obstacle(
            "NoCompressImage",
            "This install has no image for compressions: have whoever runs trimtab build one with"
            " Dockerfile.compress and set the chart value compress.image.repository.",
        )
    if isinstance(compression.source, HostPathSource) and not settings.allow_host_path:
        return Obstacle(
            "SourceRefused",
            "spec.compression.source is a hostPath, which this install does not allow: use an"
            " image or a persistentVolumeClaim, or have whoever runs trimtab set the chart value"
            f" {HOST_PATH_VALUE}=true.",
        )
    if accelerator_class is None:
        return Obstacle(
            "ClassMissing",
            f"AcceleratorClass {compression.accelerator_class!r} of spec.compression does not"
            " exist: create it.",
        )
    return None


def compression_children(
    md: ModelDeployment, accelerator_class: AcceleratorClass, settings: InstallSettings
) -> tuple[Dict, ...]:
    """The Job of the model's compression, after the Service that its workers need, if any."""
    compression = _of(md)
    children = [_service(md, settings)] if compression.workers > 1 else []
    children.append(_job(md, compression, accelerator_class, settings))
    return tuple(stamped(child) for child in children)


def compression_kept(md: ModelDeployment, *, ended: bool) -> tuple[Dict, ...]:
    """Kind and name of what must stay: the Job, which its own time to live removes, with its log;
    and the Service, as long as there are workers."""
    compression = _of(md)
    name = names.compression_name(md, source_hash(compression))
    kinds = ["Job"] if ended or compression.workers == 1 else ["Job", "Service"]
    meta = {"name": name, "namespace": md.key.namespace}
    return tuple({"kind": kind, "metadata": meta} for kind in kinds)


def _of(md: ModelDeployment) -> Compression:
    assert md.compression is not None, "ask for a compression's children where there is one"
    return md.compression


def _metadata(md: ModelDeployment, settings: InstallSettings) -> Dict:
    run = source_hash(_of(md))
    labels = {
        **names.model_labels(md, settings),
        names.NAME_LABEL: "trimtab-compress",
        names.COMPRESSION_LABEL: names.label_value(md.key.name),
    }
    meta = names.metadata(md, names.compression_name(md, run), labels)
    return {**meta, "annotations": {names.SOURCE_HASH_ANNOTATION: run}}


def _service(md: ModelDeployment, settings: InstallSettings) -> Dict:
    """Gives every worker a name. The first is asked for before it is Ready: it has no probe, and
    the others may come before it."""
    meta = _metadata(md, settings)
    return {
        **SERVICE.named,
        "metadata": meta,
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": _selector(md),
            "ports": [{"name": "rendezvous", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def _selector(md: ModelDeployment) -> dict[str, str]:
    return {
        names.NAME_LABEL: "trimtab-compress",
        names.COMPRESSION_LABEL: names.label_value(md.key.name),
        f"{names.COMPRESSION_LABEL}-run": source_hash(_of(md)),
    }


def _job(
    md: ModelDeployment,
    compression: Compression,
    accelerator_class: AcceleratorClass,
    settings: InstallSettings,
) -> Dict:
    workers = compression.workers
    return {
        **JOB.named,
        "metadata": _metadata(md, settings),
        "spec": {
            "completionMode": "Indexed",
            "completions": workers,
            "parallelism": workers,
            # The first worker publishes at the very end: when it is done, all is.
            "successPolicy": {"rules": [{"succeededIndexes": "0"}]},
            # One more try: where one worker fails, all do. A node that goes away costs none.
            "backoffLimit": workers,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": CONTAINER,
                            "operator": "In",
                            "values": [HOPELESS],
                        },
                    },
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    },
                ]
            },
            "activeDeadlineSeconds": settings.compress.deadline_s,
            "ttlSecondsAfterFinished": settings.compress.keep_s,
            "template": _template(md, compression, accelerator_class, settings),
        },
    }


def _template(
    md: ModelDeployment,
    compression: Compression,
    accelerator_class: AcceleratorClass,
    settings: InstallSettings,
) -> Dict:
    # None of the labels that the model's own Services select by: a worker serves nobody.
    labels = {
        **dict(settings.pod_labels),
        names.INSTANCE_LABEL: names.label_value(md.key.name),
        **_selector(md),
    }
    spec: Dict = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(settings),
        "containers": [_container(md, compression, accelerator_class, settings)],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            # NCCL passes through shared memory what stays on a node.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shm_size}},
            {
                "name": OUTPUT,
                "persistentVolumeClaim": {"claimName": compression.output.claim_name},
            },
            *_source(compression).volumes,
        ],
    }
    if compression.workers > 1:
        spec["subdomain"] = names.compression_name(md, source_hash(compression))
    spec |= placement(accelerator_class, settings.compress.image_pull_secrets)
    return {"metadata": {"labels": labels}, "spec": spec}


def _container(
    md: ModelDeployment,
    compression: Compression,
    accelerator_class: AcceleratorClass,
    settings: InstallSettings,
) -> Dict:
    source = _source(compression)
    root = posixpath.normpath(posixpath.join(SOURCE_DIR, (source.path or "").strip("/")))
    command = _command(md, compression, root)
    return {
        "name": CONTAINER,
        "image": settings.compress.image,
        "imagePullPolicy": settings.compress.image_pull_policy,
        "command": command[:1],
        "args": command[1:],
        "workingDir": root,
        "env": _env(accelerator_class),
        "resources": resources_of(accelerator_class),
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": OUTPUT, "mountPath": OUTPUT_DIR},
            *source.mounts,
        ],
        "securityContext": container_security(),
        "terminationMessagePath": MESSAGE,
        # The log's last lines are no report.
        "terminationMessagePolicy": "File",
    }


def _source(compression: Compression) -> Mounted:
    """What MODEL.py adds to the pod.

    On the claim that the output goes to it is that volume, mounted once more: as two volumes the
    kubelet mounted both as the read-only one asks, and hours of training could not be written.
    """
    found, claim = mount(compression.source), compression.source
    if not isinstance(claim, PvcSource) or claim.claim_name != compression.output.claim_name:
        return found
    mounts = [{**each, "name": OUTPUT} for each in found.mounts]
    return replace(found, volumes=[], mounts=mounts)


def _command(md: ModelDeployment, compression: Compression, root: str) -> list[str]:
    above = posixpath.join(OUTPUT_DIR, compression.output.path.strip("/"))
    compress = [
        "trimtab",
        "compress",
        posixpath.join(root, compression.model),
        f"--out={posixpath.join(OUTPUT_DIR, run_path(compression))}",
        # What one run made, the next need not make again.
        f"--work={posixpath.join(above, '.work')}",
        f"--recipes-json={compression.recipes}",
        f"--message={MESSAGE}",
    ]
    if compression.workers == 1:
        return compress
    name = names.compression_name(md, source_hash(compression))
    return [
        "torchrun",
        f"--nnodes={compression.workers}",
        "--nproc-per-node=1",
        f"--node-rank={_INDEX}",
        "--rdzv-backend=static",
        # The stable name of index 0; it may come up long before or after the others.
        f"--master-addr={name}-0.{name}",
        f"--master-port={PORT}",
        "--rdzv-conf=timeout=1800",
        "--no-python",
        *compress,
    ]


def _env(accelerator_class: AcceleratorClass) -> list[Dict]:
    env: list[Dict] = [
        {"name": "HOME", "value": "/tmp"},  # noqa: S108
        # torch asks who it is, and the image's user list does not know the user it runs as.
        {"name": "USER", "value": "trimtab"},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        # Without it torch refuses to be deterministic on a GPU.
        {"name": "CUBLAS_WORKSPACE_CONFIG", "value": ":4096:8"},
    ]
    if not any(name.startswith("nvidia.com/") for name, _ in accelerator_class.resources):
        env.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"})
    return env
