"""The ConfigMap of a workload and what reaches Triton through it.

The user's config.pbtxt lies inside the read-only model source and only a pod can see it, so an
init container (prepare.py, with pbtxt.py) merges the plan's values into it. The values travel in
that container's arguments, not in the ConfigMap: a kubelet may mount a cached, older ConfigMap
into a new pod, which would then serve with the old batch cap until its next restart. Arguments
come with the pod itself.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from functools import cache
from importlib.resources import files
from typing import Any

from trimtab.actuate import names
from trimtab.actuate.kinds import CONFIG_MAP
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment, ModelSource, UriSource
from trimtab.core.plan import Target

SCRIPT = "prepare.py"
SCRIPTS = (SCRIPT, "pbtxt.py")
SCRIPT_DIR = "/trimtab"
SOURCE_DIR = "/source"
MODELS_DIR = "/models"

_MICROSECONDS = 1_000_000


def renders_config(source: ModelSource) -> bool:
    """Whether the plan's batch cap, delays, queue and instances can reach Triton.

    With a URI Triton fetches the repository itself and uses the config.pbtxt it finds there.
    """
    return not isinstance(source, UriSource)


def overlay(md: ModelDeployment, target: Target) -> dict[str, Any]:
    """What the plan says about config.pbtxt."""
    # The key is absent without a cache, and not false: the hash of what is rendered would change,
    # and an upgrade of trimtab restart every model of the cluster.
    cache: dict[str, Any] = {} if md.triton.cache_bytes is None else {"response_cache": True}
    return {
        **cache,
        "model": md.model,
        "max_batch_size": target.batch_cap,
        "max_queue_delay_microseconds": (
            None if target.queue_delay_s is None else round(target.queue_delay_s * _MICROSECONDS)
        ),
        "max_queue_size": (
            md.triton.max_queue_size if target.queue_size is None else target.queue_size
        ),
        "queue_timeout_microseconds": (
            None
            if target.queue_timeout_s is None
            else round(target.queue_timeout_s * _MICROSECONDS)
        ),
        "instance_count": md.triton.instance_count,
        "config_name": _config_name(md.triton.extra_args),
    }


def _config_name(args: tuple[str, ...]) -> str | None:
    """The alternative configuration the user chose with --model-config-name.

    Triton would read configs/<name>.pbtxt in place of config.pbtxt, and the plan's values would
    not reach it; so the merge begins with that file.
    """
    flag = "--model-config-name"
    for at, arg in enumerate(args):
        if arg == flag:
            return args[at + 1] if at + 1 < len(args) else None
        if arg.startswith(f"{flag}="):
            return arg.removeprefix(f"{flag}=")
    return None


def prepare_args(md: ModelDeployment, target: Target, path: str) -> list[str]:
    """How the init container is called: read the source, leave a repository for Triton."""
    root = posixpath.normpath(posixpath.join(SOURCE_DIR, path.strip("/")))
    return [
        "-I",
        f"{SCRIPT_DIR}/{SCRIPT}",
        f"--source={root}",
        f"--target={MODELS_DIR}",
        f"--overlay={canonical_json(overlay(md, target))}",
    ]


def config_hash(md: ModelDeployment, target: Target) -> str:
    """A short hash of what is rendered.

    The script is not part of it: an upgrade of trimtab that mends a message in it would otherwise
    restart every model of the cluster.
    """
    return short_hash(overlay(md, target))


def config_map(md: ModelDeployment, target: Target, settings: InstallSettings) -> dict[str, Any]:
    """The ConfigMap that carries the scripts into the pods of one workload."""
    return {
        **CONFIG_MAP.named,
        "metadata": names.metadata(
            md,
            names.child_name(md, target.key),
            names.workload_labels(md, target.key, settings),
        ),
        "data": {name: script(name) for name in SCRIPTS},
    }


@cache
def script(name: str) -> str:
    """The text of a file of this package that runs in the pod."""
    return files("trimtab.actuate").joinpath(name).read_text(encoding="utf-8")


def canonical_json(value: object) -> str:
    """JSON that is the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def short_hash(value: object) -> str:
    """Sixteen hexadecimal digits that tell values apart."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]
