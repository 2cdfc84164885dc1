"""The Deployment of a workload: Triton as it should run in production."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.actuate import config, names
from trimtab.actuate.kinds import DEPLOYMENT
from trimtab.actuate.settings import InstallSettings
from trimtab.actuate.sources import Mounted, mounted
from trimtab.api.resources import AcceleratorClass, ModelDeployment, Toleration, Variant
from trimtab.core.agreement import fingerprint
from trimtab.core.plan import Target

CONTAINER = "triton"
PREPARE_CONTAINER = "prepare"

_PROBE_PERIOD_S = 5
_STARTUP_PERIOD_S = 2
_EXIT_S = 5  # that Triton takes to stop once it has nothing in flight

Dict = dict[str, Any]


def deployment(
    md: ModelDeployment,
    variant: Variant,
    accelerator_class: AcceleratorClass,
    target: Target,
    settings: InstallSettings,
    *,
    surge: bool,
) -> Dict:
    """The Deployment as planned. `surge`: an accelerator is free for one more pod in a rollout.

    Raises SourceRefused where the install does not allow the variant's source.
    """
    meta = names.metadata(
        md, names.child_name(md, target.key), names.workload_labels(md, target.key, settings)
    )
    meta["annotations"] = {}
    if md.output_check is not None:
        # Beside the template and not in it: a check that is asked for must not restart a pod.
        found = fingerprint(md, variant, accelerator_class)
        meta["annotations"][names.FINGERPRINT_ANNOTATION] = found
    # With a URI neither reaches Triton; claiming it here would be read back as the truth.
    if config.renders_config(variant.source):
        meta["annotations"][names.BATCH_CAP_ANNOTATION] = str(target.batch_cap)
        if target.queue_size is not None:
            meta["annotations"][names.QUEUE_SIZE_ANNOTATION] = str(target.queue_size)
    return {
        **DEPLOYMENT.named,
        "metadata": meta,
        "spec": {
            "replicas": target.replicas,
            "revisionHistoryLimit": 2,
            # A pod that is Ready and crashes at its first request must not count as replaced, and
            # every node's proxy needs a moment to learn its address. And the pod that gave way
            # before it is to be gone before the next one gives way: all that leave cost.
            "minReadySeconds": settings.pre_stop_s + _EXIT_S,
            "progressDeadlineSeconds": settings.progress_deadline_s,
            "strategy": strategy(surge=surge),
            "selector": {"matchLabels": names.workload_selector(md, target.key)},
            "template": _template(md, variant, accelerator_class, target, settings),
        },
    }


def strategy(*, surge: bool) -> Dict:
    """How pods are replaced.

    With no accelerator free a surge pod stays Pending, no old pod may go, and the rollout never
    ends; so one replica steps down first. With one free, none steps down before its successor is
    Ready: a single replica would otherwise be an outage.
    """
    extra, missing = (1, 0) if surge else (0, 1)
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": extra, "maxUnavailable": missing},
    }


def _template(
    md: ModelDeployment,
    variant: Variant,
    accelerator_class: AcceleratorClass,
    target: Target,
    settings: InstallSettings,
) -> Dict:
    """The pod template. Nothing in it depends on the replicas: a change of scale must not restart
    a single pod."""
    source = mounted(variant, settings)
    meta: Dict = {
        "labels": {
            **dict(settings.pod_labels),
            names.NAME_LABEL: "triton",
            names.INSTANCE_LABEL: names.label_value(md.key.name),
            **names.workload_selector(md, target.key),
        }
    }
    if source.path is not None:
        meta["annotations"] = {names.CONFIG_HASH_ANNOTATION: config.config_hash(md, target)}
    spec: Dict = {
        "containers": [_triton(md, accelerator_class, source, settings)],
        "volumes": _volumes(md, target, source, settings),
        "terminationGracePeriodSeconds": settings.grace_s,
        "automountServiceAccountToken": False,
        # A Service per model in the namespace would put thousands of variables into every pod.
        "enableServiceLinks": False,
        "securityContext": pod_security(settings),
    }
    if source.path is not None:
        spec["initContainers"] = [_prepare(md, accelerator_class, target, source)]
    spec |= placement(accelerator_class, md.triton.image_pull_secrets)
    return {"metadata": meta, "spec": spec}


def _triton(
    md: ModelDeployment,
    accelerator_class: AcceleratorClass,
    source: Mounted,
    settings: InstallSettings,
) -> Dict:
    container: Dict = {
        **_image(md, CONTAINER),
        # Not the image's own entrypoint: it prints a banner and checks the driver, and an image
        # of another make has none.
        "command": ["tritonserver"],
        "args": triton_args(md, source.repository, settings),
        "ports": [
            {"name": "http", "containerPort": settings.http_port, "protocol": "TCP"},
            {"name": "grpc", "containerPort": settings.grpc_port, "protocol": "TCP"},
            {"name": "metrics", "containerPort": settings.metrics_port, "protocol": "TCP"},
        ],
        "env": _env(accelerator_class),
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            *source.mounts,
        ],
        "startupProbe": _probe(
            "ready", _STARTUP_PERIOD_S, settings.startup_s // _STARTUP_PERIOD_S, timeout=5
        ),
        "readinessProbe": _probe("ready", _PROBE_PERIOD_S, 3, timeout=5),
        # Patient: a server that is slow under overload and is killed for it leaves its share to
        # the others, which are then killed too.
        "livenessProbe": _probe("live", 10, 6, timeout=10),
        # Triton stops serving at SIGTERM while proxies still send requests to it, so the address
        # goes first.
        "lifecycle": {"preStop": {"sleep": {"seconds": settings.pre_stop_s}}},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if source.path is not None:
        container["volumeMounts"].append(
            {"name": "models", "mountPath": config.MODELS_DIR, "readOnly": True}
        )
    if source.env_from:
        container["envFrom"] = source.env_from
    resources = resources_of(accelerator_class)
    if resources:
        container["resources"] = resources
    return container


def triton_args(md: ModelDeployment, repository: str, settings: InstallSettings) -> list[str]:
    """Triton's command line. The user's arguments come last, where Triton lets the later win."""
    return [
        f"--model-repository={repository}",
        "--model-control-mode=none",
        *_closed(md),
        "--strict-readiness=true",
        f"--exit-timeout-secs={settings.drain_s}",
        f"--http-port={settings.http_port}",
        f"--grpc-port={settings.grpc_port}",
        f"--metrics-port={settings.metrics_port}",
        # Without it Triton exports means alone and no percentile can be read.
        "--metrics-config=summary_latencies=true",
        *_cache_args(md),
        *md.triton.extra_args,
    ]


def _closed(md: ModelDeployment) -> list[str]:
    """Closes what whoever reaches the port of an inference could do to the server: list and load
    models, send its log to a file or into verbosity that shows requests, write traces, register the
    memory by which its Python backends are driven.

    Triton closes an API by a header that it expects. Nobody is to send it, so its value is one that
    cannot be guessed; and must not change, which would restart every pod.
    """
    what = f"model-repository,shared-memory,trace,logging:closed-by-trimtab={md.uid}"
    return [f"--http-restricted-api={what}", f"--grpc-restricted-protocol={what}"]


def _cache_args(md: ModelDeployment) -> list[str]:
    size = md.triton.cache_bytes
    return [] if size is None else [f"--cache-config=local,size={size}"]


def _prepare(
    md: ModelDeployment, accelerator_class: AcceleratorClass, target: Target, source: Mounted
) -> Dict:
    container: Dict = {
        **_image(md, PREPARE_CONTAINER),
        "command": ["python3"],
        "args": config.prepare_args(md, target, source.path or ""),
        "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}],
        "volumeMounts": [
            {"name": "script", "mountPath": config.SCRIPT_DIR, "readOnly": True},
            {"name": "models", "mountPath": config.MODELS_DIR},
            *source.mounts,
        ],
        "securityContext": container_security(),
        # Its last words become the pod's status: "no model folder 'x' in the source, it holds ..."
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    # A quota on cpu or memory wants them of every container; a device only of the one that uses
    # it. The pod asks for the larger of the two, so this costs nothing.
    resources = resources_of(accelerator_class, only=("cpu", "memory"))
    if resources:
        container["resources"] = resources
    return container


def _image(md: ModelDeployment, name: str) -> Dict:
    image: Dict = {"name": name, "image": md.triton.image}
    if md.triton.image_pull_policy:
        image["imagePullPolicy"] = md.triton.image_pull_policy
    return image


def _env(accelerator_class: AcceleratorClass) -> list[Dict]:
    # The root is read-only and CUDA, torch and others keep caches under HOME.
    env: list[Dict] = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108
    if not any(name.startswith("nvidia.com/") for name, _ in accelerator_class.resources):
        # NVIDIA's images ask for all GPUs by themselves: on a node whose default runtime is
        # nvidia, a replica that pays for a CPU would run on every GPU there.
        env.append({"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"})
    return env


def resources_of(accelerator_class: AcceleratorClass, only: tuple[str, ...] | None = None) -> Dict:
    """Requests and limits of a container on that class."""
    # Requests equal limits: extended resources demand it, and a latency model of a replica that
    # may borrow a neighbour's core holds only until the neighbour needs it back.
    named = {n: q for n, q in accelerator_class.resources if only is None or n in only}
    return {"requests": named, "limits": dict(named)} if named else {}


def _volumes(
    md: ModelDeployment, target: Target, source: Mounted, settings: InstallSettings
) -> list[Dict]:
    volumes: list[Dict] = [
        # Triton's Python backend passes tensors through shared memory; the runtime's 64 MiB are
        # gone after a few instances. What is used counts as the container's memory.
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shm_size}},
        # Unbounded: Triton copies a repository it reads from a URI here.
        {"name": "tmp", "emptyDir": {}},
        *source.volumes,
    ]
    if source.path is not None:
        name = names.child_name(md, target.key)
        volumes.append({"name": "models", "emptyDir": {"sizeLimit": "16Mi"}})
        volumes.append({"name": "script", "configMap": {"name": name}})
    return volumes


def _probe(path: str, period: int, failures: int, *, timeout: int) -> Dict:
    return {
        "httpGet": {"path": f"/v2/health/{path}", "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def placement(accelerator_class: AcceleratorClass, pull_secrets: Sequence[str]) -> Dict:
    """The fields of a pod's spec that say on which nodes it may run, and as whom it pulls."""
    fields: Dict = {}
    if accelerator_class.node_selector:
        fields["nodeSelector"] = dict(accelerator_class.node_selector)
    if accelerator_class.tolerations:
        fields["tolerations"] = [_toleration(t) for t in accelerator_class.tolerations]
    if pull_secrets:
        fields["imagePullSecrets"] = [{"name": name} for name in pull_secrets]
    return fields


def _toleration(toleration: Toleration) -> Dict:
    """The toleration as a pod has it."""
    fields = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.toleration_seconds,
    }
    return {name: value for name, value in fields.items() if value is not None}


def pod_security(settings: InstallSettings) -> Dict:
    """What Pod Security's strictest level asks of a pod."""
    context: Dict = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if settings.run_as_user is not None:
        context["runAsUser"] = settings.run_as_user
        context["runAsGroup"] = settings.run_as_user
        context["fsGroup"] = settings.run_as_user
        context["fsGroupChangePolicy"] = "OnRootMismatch"
    return context


def container_security() -> Dict:
    """What it asks of a container, and a root that nobody writes to."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
